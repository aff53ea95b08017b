#!/usr/bin/env bash
# The namespace does not let every pod in: containers ask for a minimum, or may not have limits far above their requests, or only so many pods
# may be there. Movers are small pods.
# variants: minimum minimum-exclusive ratio pods
# Right: refused with nothing changed, or moved; never an outage for nothing. (In `-exclusive` only one pod may have the volume, so that a mover
# can be made only once the app has been stopped.)
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
prepare
case $variant in
  minimum*) give <<Y ;;
apiVersion: v1
kind: LimitRange
metadata: {name: not-too-small}
spec: {limits: [{type: Container, min: {cpu: 100m, memory: 96Mi}}]}
Y
  ratio) give <<Y ;;
apiVersion: v1
kind: LimitRange
metadata: {name: not-too-far}
spec: {limits: [{type: Container, default: {cpu: 500m}, defaultRequest: {cpu: 400m}, maxLimitRequestRatio: {cpu: "2"}}]}
Y
  pods) give <<Y ;;
apiVersion: v1
kind: ResourceQuota
metadata: {name: few}
spec: {hard: {pods: "4"}}
Y
esac
app=sts/counter name=counter pod=counter-0 replicas=1 mode=ReadWriteOnce
case $variant in
  *-exclusive) mode=ReadWriteOncePod ;;
  pods) replicas=3 ;;
esac
sed "s/replicas: 1/replicas: $replicas/; s/ReadWriteOnce/$mode/
  s/^          volumeMounts/          resources: {requests: {cpu: 100m, memory: 96Mi}, limits: {cpu: 200m, memory: 96Mi}}\n&/" "$fields/plain.yaml" | give
ready
remember
move fast
ends_with 0 4
if [ "$code" = 0 ]; then moved_to fast; else unchanged; fi
