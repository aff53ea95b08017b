#!/usr/bin/env bash
# A console of the cluster notes on the set where its pod can be reached, and when it went: twice while the app is stopped and started.
# Right: moved; what was noted meanwhile is on the set that is made again.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
console() {
  local event pod now stamp
  k get pods --watch-only --output-watch-events 2>/dev/null | while read -r event pod _; do
    case $event/$pod in
      ADDED/counter-0) now=there ;;
      DELETED/counter-0) now=gone ;;
      *) continue ;;
    esac
    stamp=$(date +%s.%N)
    # Again while there is no set to note it on.
    until_true 30 k annotate --overwrite sts counter "example.org/reached-at=$now" "example.org/last-$now=$stamp" && echo "$stamp" >"$logs/last-$now"
  done
}
mark
remember
console &
background+=($!)
# Cold, so that there is time for it while the app is down.
move fast --cold
ends_with 0
moved_to fast
marked
sleep 3
noted() { k get sts counter -o json | jq -r --arg key "example.org/$1" '.metadata.annotations[$key] // empty'; }
[ -s "$logs/last-gone" ] || wrong "the console never saw the pod gone"
for one in last-gone last-there; do
  [ "$(noted $one)" = "$(cat "$logs/$one" 2>/dev/null || true)" ] || wrong "the set does not bear the console's newest note \`$one\`"
done
