#!/usr/bin/env bash
# Claim templates that say more than a class: a snapshot the volumes are filled from, or labels they are selected by. The new class knows neither.
# variants: snapshot selector
# Right: refused with nothing changed, or moved.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
app=sts/counter name=counter pod=counter-0
prepare
case $variant in
  snapshot)
    sed 's/counter/first/g' "$fields/plain.yaml" | give
    app=sts/first ready
    give <<Y
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata: {name: seed}
spec: {volumeSnapshotClassName: slow, source: {persistentVolumeClaimName: data-first-0}}
Y
    k wait volumesnapshot/seed --for=jsonpath='{.status.readyToUse}'=true --timeout=60s >/dev/null
    k delete sts first >/dev/null
    k wait pod/first-0 --for=delete --timeout=60s >/dev/null
    k delete pvc data-first-0 >/dev/null
    more='dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: seed}, storageClassName: slow'
    ;;
  *)
    mkdir -p "$(folder)"
    undo_of_case() { rm -rf "$(folder)"; }
    give <"$fields/$case_name.yaml"
    more="selector: {matchLabels: {disk: $ns}}, storageClassName: $ns"
    ;;
esac
sed "s|storageClassName: slow|$more|" "$fields/plain.yaml" | give
ready
mark
remember
move fast
ends_with 0 4
if [ "$code" = 0 ]; then moved_to fast; marked; else unchanged; fi
