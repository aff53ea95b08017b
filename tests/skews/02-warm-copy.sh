#!/usr/bin/env bash
# The old version is killed while it copies beside the running app; the new one takes the run up.
# variants: resume undo
# Right: resumed to its end, and then undone with what the app wrote since; or undone at once, the app untouched. Nothing of ours is left.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start_filled
begin_old fast "$slowly"
kill_at warm-copy copying
app_untouched
case $variant in
  resume)
    go_on execute --resume there --yes
    ends_with 0
    moved_to fast
    data_equal
    write_late
    go_on undo there --yes
    ends_with 0
    moved_back
    ;;
  *)
    go_on undo there --yes
    ends_with 0
    untouched
    ;;
esac
data_equal
