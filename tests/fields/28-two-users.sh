#!/usr/bin/env bash
# In a restricted namespace movers run as the app does: here as the user of the one container that mounts the claim.
# Right: moved.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
app=sts/mixed name=mixed pod=mixed-0
prepare
kubectl label namespace "$ns" pod-security.kubernetes.io/enforce=restricted >/dev/null
give <"$fields/$case_name.yaml"
ready
moves fast
