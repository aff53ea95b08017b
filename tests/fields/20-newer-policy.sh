#!/usr/bin/env bash
# A policy that came after the set, and that the set would not meet if it were made again.
# Right: refused with the policy's words, nothing is changed.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
app=sts/counter name=counter pod=counter-0
prepare
give <"$fields/plain.yaml"
ready
give <"$fields/$case_name.yaml"
refuses() { sed 's/name: counter}/name: other}/' "$fields/plain.yaml" | { k create -f - --dry-run=server 2>&1 || true; } | grep 'whose it is'; }
until_true 30 refuses
remember
move fast
ends_with 4
says 'a set must say whose it is'
unchanged
