#!/usr/bin/env bash
# A ReadWriteMany claim, to a class whose driver makes volumes for one node only.
# Right: refused, or taken back before the app was stopped, with a reason.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start deploy/shared
remember
move fast
ends_with 4 5
says 'ReadWriteMany|access mode'
untouched
