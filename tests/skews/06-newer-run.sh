#!/usr/bin/env bash
# The new version is killed while it copies beside the running app, and somebody who still has the old one takes the run up.
# variants: resume undo
# Right: done by the old version; or refused, the app untouched, and then done by the new one. Nothing of ours is left.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
taken_up() { # by STATEFUL...
  case $variant in
    resume) "$@" execute --resume there --yes ;;
    *) "$@" undo there --yes ;;
  esac
}
start_filled
begin_move fast "$slowly" --output jsonl
kill_at warm-copy copying
taken_up old stateful
if [ "$code" = 0 ]; then
  was works
else
  was refused
  app_untouched
  taken_up stateful
  ends_with 0
fi
if [ "$variant" = resume ]; then moved_to fast; else untouched; fi
data_equal
