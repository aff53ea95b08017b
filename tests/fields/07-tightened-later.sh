#!/usr/bin/env bash
# The namespace enforces the restricted level since the app was started: its pod runs on, a new one like it is not let in.
# Right: refused, nothing is changed.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter 's|^      terminationGracePeriodSeconds: 3|&\n      securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000}|'
kubectl label namespace "$ns" pod-security.kubernetes.io/enforce=restricted >/dev/null 2>&1
remember
move fast
ends_with 4
says 'PodSecurity|restricted'
unchanged
