#!/usr/bin/env bash
# A claim of 64Mi, to a class whose file system needs 300 MiB: the volume can be made, and never be mounted.
# Right: refused, or taken back before the app was stopped, with a reason.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
remember
move fast-xfs
ends_with 4 5
says 'xfs|300 ?Mi'
# The test driver cannot delete a volume that it could never mount: it stays, being deleted.
app_untouched
