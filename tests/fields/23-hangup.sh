#!/usr/bin/env bash
# The terminal is closed while the app is down.
# Right: the app is up at the end, and the run is over or can be gone on with.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
mark
remember
in_terminal close
app_up
resumable fast
marked
