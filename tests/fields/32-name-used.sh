#!/usr/bin/env bash
# A run is named as one of before was.
# Right: refused, nothing is changed; the records of the first are what they were.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
mark
remember
move fast
ends_with 0
moved_to fast
stateful undo there --yes
ends_with 0
moved_back
remember
move fast
ends_with 4
says there
unchanged
marked
