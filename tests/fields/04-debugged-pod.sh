#!/usr/bin/env bash
# Somebody has looked into a bare pod with `kubectl debug`. What that adds to a pod may not be there when one is created.
# Right: moved, and brought back by undo.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start pod/diary
k debug diary --image=localhost/busybox:1 --image-pull-policy=IfNotPresent --container=looker --profile=general -- true >/dev/null 2>&1
added() { k get pod diary -o json | jq -e '.spec.ephemeralContainers | length == 1'; }
until_true 20 added
moves fast
goes_back
