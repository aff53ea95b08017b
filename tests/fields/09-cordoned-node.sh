#!/usr/bin/env bash
# The app's node was cordoned since the app has started: the pod runs on, a mover or a new pod does not get there.
# alone: pods of other cases could not start on that node
# Right: refused with nothing changed, or moved.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
node=$(k get pod counter-0 -o jsonpath='{.spec.nodeName}')
undo_of_case() { kubectl uncordon "$node" >/dev/null; }
kubectl cordon "$node" >/dev/null
mark
remember
move fast
ends_with 0 4
if [ "$code" = 0 ]; then moved_to fast; marked; else unchanged; says "cordoned|unschedulable"; fi
