#!/usr/bin/env bash
# The old version is killed while the app is down: in mid last pass, or when the swap has begun. The new one takes the run up.
# variants: pass-resume pass-undo swap-resume swap-undo
# Right: resumed to its end, or undone; the app is up with its data, and nothing of ours is left.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start_filled
case $variant in
  pass-*) begin_old fast --cold "$slowly"; kill_at last-pass copying ;;
  *) begin_old fast; kill_at release-claim acting ;;
esac
app_down
case $variant in
  *-resume) go_on execute --resume there --yes; ends_with 0; moved_to fast ;;
  *) go_on undo there --yes; ends_with 0; moved_back ;;
esac
data_equal
