#!/usr/bin/env bash
# A run is interrupted beside the running app, and taken back: one whose old volume had been set to Retain by hand, one whose new class says Retain.
# variants: by-hand class
# Right: the old volume has the policy it had; the new one is not left behind.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
to=fast
case $variant in
  by-hand) kubectl patch pv "$(k get pvc data-counter-0 -o jsonpath='{.spec.volumeName}')" -p '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}' >/dev/null ;;
  *)
    to=$ns
    give <<Y
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: NAMESPACE}
provisioner: fast.loop.csi
reclaimPolicy: Retain
volumeBindingMode: WaitForFirstConsumer
Y
    ;;
esac
in_app 'head -c 3000000 /dev/urandom >/data/large && sync'
mark
remember
begin_move "$to" --bandwidth-limit 100Ki
until_copying
kill -INT "$running"
until_over 60
ends_with 130
app_untouched
stateful undo there --yes
ends_with 0
untouched
marked
