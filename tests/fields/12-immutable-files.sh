#!/usr/bin/env bash
# A file that may not be changed and one that may only grow (chattr +i, +a). A copy loses the marks, and nothing can be copied over such files.
# Right: refused, or the first pass names them; the app is untouched.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
on_volume 'mkdir conf && echo locked >conf/locked && echo log >grows && sync && chattr +i conf/locked && chattr +a grows'
undo_of_case() { on_volume 'chattr -i conf/locked; chattr -a grows'; }
remember
move fast
ends_with 4 5
says 'locked|grows|immutable'
untouched
