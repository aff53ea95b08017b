#!/usr/bin/env bash
# From the volumes of small clusters to others. The claim can be mounted by any pod of that node, a mover's too.
# Right: moved; the folder is kept.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
app=sts/counter name=counter pod=counter-0
prepare
undo_of_case() { rm -rf "$(folder)"; }
give <"$fields/$case_name.yaml"
sed "s/storageClassName: slow/storageClassName: $ns/" "$fields/plain.yaml" | give
ready
moves slow
[ "$(cat "$(folder)/mark")" = "$ns" ] || wrong "the old folder does not hold what it held"
