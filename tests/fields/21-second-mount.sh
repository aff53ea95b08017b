#!/usr/bin/env bash
# The driver of the source does not mount a volume for a second pod, so that nothing can be copied beside the app.
# variants: insist plain
# Right: halted with the app untouched; going on is for a person to decide. Then it can be taken back.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
volume=$(k get pvc data-counter-0 -o jsonpath='{.spec.volumeName}')
# For this volume only, so that nothing has to be cleared away under others.
"$cluster_scripts/fault" "$FIELD_CLUSTER" slow "{\"call\":\"NodePublishVolume\",\"action\":\"refuse-second-mount\",\"volume\":\"$volume\"}"
remember
case $variant in
  insist) move fast --insist ;;
  *) move fast ;;
esac
ends_with 7
app_untouched
stateful undo there --yes
ends_with 0
untouched
