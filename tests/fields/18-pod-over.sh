#!/usr/bin/env bash
# A bare pod that is over, and the claim that only it names.
# variants: pod claim
# Right: refused with nothing changed, or moved; never is the work done twice.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
prepare
give <"$fields/$case_name.yaml"
k wait pod/charge --for=jsonpath='{.status.phase}'=Succeeded --timeout=120s >/dev/null
case $variant in
  claim) app=pvc/orders name=charge pod=charge ;;
  *) app=pod/charge name=charge pod=charge ;;
esac
# There is nothing that has to be up.
app_up() { :; }
remember
move fast
ends_with 0 4
if [ "$code" = 0 ]; then moved_to fast; else unchanged; says charge; fi
times() {
  k run look --image=localhost/busybox:1 --image-pull-policy=IfNotPresent --restart=Never --overrides='{"spec":{"containers":[{"name":"look",
    "image":"localhost/busybox:1","imagePullPolicy":"IfNotPresent","command":["cat","/data/charged"],"volumeMounts":[{"name":"data","mountPath":"/data"}]}],
    "volumes":[{"name":"data","persistentVolumeClaim":{"claimName":"orders"}}]}}' >/dev/null
  k wait pod/look --for=jsonpath='{.status.phase}'=Succeeded --timeout=60s >/dev/null
  k logs look | wc -l
}
did=$(times || true)
[ "$did" = 1 ] || wrong "its work was done ${did:-an unknown number of} times"
