#!/usr/bin/env bash
# Files and folders that their own owner may not write change between two passes, and the movers have no more rights than that owner.
# Right: moved, with the modes as they were.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
app=sts/sources name=sources pod=sources-0
prepare
kubectl label namespace "$ns" pod-security.kubernetes.io/enforce=restricted >/dev/null
give <"$fields/$case_name.yaml"
ready
sleep 6
moves fast
[ "$(in_app 'stat -c %a /data/index/graph')" = 444 ] || wrong "a file has another mode"
