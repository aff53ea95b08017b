#!/usr/bin/env bash
# One version's command is given the other one's mover, which copies on the app's node, or as a pair from the app's node to another one.
# variants: old-image old-image-apart old-command old-command-apart
# Right: moved, and gone back from by the new command; or refused before anything is copied, the app untouched, and after `undo` nothing left.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
# class_elsewhere: a class of volumes that are on another node than the app's. It goes with the case.
class_elsewhere() {
  local node
  node=$(k get pod counter-0 -o jsonpath='{.spec.nodeName}')
  node=$(kubectl get nodes -o name | sed 's|^node/||' | grep -vx "$node" | head -n 1)
  kubectl create -f - >/dev/null <<END
{ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "$ns" }, "provisioner": "fast.loop.csi",
  "volumeBindingMode": "WaitForFirstConsumer",
  "allowedTopologies": [{ "matchLabelExpressions": [{ "key": "topology.fast.loop.csi/node", "values": ["$node"] }] }] }
END
}
to=fast
case $variant in
  *-apart) start_filled 's/storageClassName: slow/storageClassName: fast/'; class_elsewhere; to=$ns ;;
  *) start_filled ;;
esac
case $variant in
  old-image*) KUBECTL_STATEFUL_MOVER_IMAGE=$OLD_IMAGE move "$to" ;;
  *) COMMAND=$OLD_COMMAND move "$to" ;;
esac
if [ "$code" = 0 ]; then
  was works
  moved_to "$to"
  data_equal
  write_late
  go_on undo there --yes
  ends_with 0
  moved_back
else
  was refused
  refused_clearly
  app_untouched
  stateful status there
  if [ "$code" = 0 ]; then
    does_not_say '^(warm-copy|last-pass):[^ ]* +done'
    go_on undo there --yes
    ends_with 0
  fi
  untouched
fi
data_equal
