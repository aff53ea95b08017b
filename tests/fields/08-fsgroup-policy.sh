#!/usr/bin/env bash
# The old driver leaves an fsGroup alone; the new one lets the kubelet open every file to the group, and the database does not start.
# alone: it changes how a driver is mounted
# Right: the plan refuses or says so; and if it was moved, undo brings the app up with the modes it had.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
policy_of_slow() { kubectl patch csidriver slow.loop.csi --type=merge -p "{\"spec\":{\"fsGroupPolicy\":\"$1\"}}" >/dev/null; }
undo_of_case() { policy_of_slow File; }
policy_of_slow None
sleep 3 # kubelets see it by a watch
start sts/accounts
[ "$(in_app 'stat -c %a /data/pgdata')" = 700 ]
remember
move fast
says fsGroup
if [ "$code" = 4 ]; then
  unchanged
else
  ends_with 0 7
  stateful undo there --yes
  ends_with 0
  moved_back
  [ "$(in_app 'stat -c %a /data/pgdata')" = 700 ] || wrong "its folder has another mode"
fi
