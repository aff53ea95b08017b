#!/usr/bin/env bash
# The app's volume is attached to a node besides where no pod uses it, as after a pod was deleted by force.
# Right: the app is not stopped, and the attachment is named; once that is gone the run goes on.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
volume=$(k get pvc data-counter-0 -o jsonpath='{.spec.volumeName}')
undo_of_case() { kubectl delete volumeattachment "$ns" --ignore-not-found --wait=false >/dev/null; }
# No attacher answers to this name, so that it stays as it is.
kubectl create -f - >/dev/null <<END
{ "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": { "name": "$ns" },
  "spec": { "attacher": "nobody.example.org", "nodeName": "gone", "source": { "persistentVolumeName": "$volume" } } }
END
kubectl patch volumeattachment "$ns" --subresource=status --type=merge -p '{"status":{"attached":true}}' >/dev/null
mark
remember
move fast
ends_with 7
says "kubectl delete volumeattachment $ns"
app_untouched
kubectl delete volumeattachment "$ns" >/dev/null
stateful execute --resume there --yes
ends_with 0
moved_to fast
marked
