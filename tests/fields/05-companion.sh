#!/usr/bin/env bash
# Every new pod gets a companion container, the movers' too: one that sorts before ours, or one that sorts after it. It does not end by itself.
# variants: before after
# Right: moved.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
companion() { # PLACE NAME
  prepare
  sed "s/PLACE/$1/; s/COMPANION/$2/g" "$fields/$case_name.yaml" | give
  joined() { k run probe --image=localhost/busybox:1 --image-pull-policy=IfNotPresent --dry-run=server -o json -- true | jq -e '.spec.containers | length == 2'; }
  until_true 30 joined
}
case $variant in
  before) companion 0 agent ;;
  *) companion - sidecar ;;
esac
app=sts/counter name=counter pod=counter-0
give <"$fields/plain.yaml"
ready
moves fast
