#!/usr/bin/env bash
# The machine of who executes sleeps for longer than the lease, and somebody else takes the run back meanwhile. Then it wakes up.
# variants: copying down
# Right: it stops nothing any more; the app stays as the other one left it.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
in_app 'head -c 3000000 /dev/urandom >/data/large && sync'
mark
remember
case $variant in
  copying) begin_move fast --bandwidth-limit 100Ki; until_copying ;;
  *) begin_move fast --cold --bandwidth-limit 100Ki; k wait pod/counter-0 --for=delete --timeout=60s >/dev/null ;;
esac
kill -STOP "$running"
sleep 16 # the lease is 12 s
asleep=$said
stateful undo there --yes
ends_with 0
moved_back
[ "$variant" != copying ] || untouched
remember
kill -CONT "$running"
until_over 90
said=$asleep
[ "$code" != 0 ] || wrong "who slept says that it was done"
sleep 5
untouched
marked
