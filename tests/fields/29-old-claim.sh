#!/usr/bin/env bash
# A claim that names its class in the annotation of old, which wins over the field where a claim has both; or one that names none, on a volume without
# a class, in a cluster that has a default class by now, which a claim made again without a class would get.
# variants: annotation none
# Right: moved, and brought back by undo.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
app=deploy/old name=old pod=deploy/old
prepare
case $variant in
  annotation)
    to=fast
    sed 's|CLASS|, annotations: {volume.beta.kubernetes.io/storage-class: slow}|' "$fields/$case_name.yaml" | give
    ;;
  *)
    to=$ns
    mkdir -p "$(folder)"
    undo_of_case() { rm -rf "$(folder)"; }
    sed '/storageClassName/d' "$fields/30-template-source.yaml" | give
    sed 's|CLASS||' "$fields/$case_name.yaml" | give
    give <<Y
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: NAMESPACE, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: fast.loop.csi
volumeBindingMode: WaitForFirstConsumer
Y
    ;;
esac
ready
moves "$to"
goes_back
