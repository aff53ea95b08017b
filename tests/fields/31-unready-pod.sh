#!/usr/bin/env bash
# One of the app's pods has not been ready for long: whether the app is up after a move could not be told.
# Right: refused, nothing is changed.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
app=sts/counter name=counter pod=counter-0
prepare
# shellcheck disable=SC2016 # for the shell of the probe
sed 's/replicas: 1/replicas: 2/; s/^  serviceName/  podManagementPolicy: Parallel\n&/
  s/^          volumeMounts/          readinessProbe: {periodSeconds: 1, exec: {command: [sh, -c, "[ $(hostname) = counter-0 ]"]}}\n&/' "$fields/plain.yaml" | give
k wait sts/counter --for=jsonpath='{.status.readyReplicas}'=1 --timeout=90s >/dev/null
k wait pod/counter-1 --for=jsonpath='{.status.phase}'=Running --timeout=90s >/dev/null
is_up() { k get sts counter -o json | jq -e '.spec.replicas == 2 and .status.readyReplicas == 1'; }
remember
move fast
ends_with 4
unchanged
