#!/usr/bin/env bash
# Ctrl-C, once, while the app is down, in `execute … 2>&1 | tee log`: it ends tee too, and nobody reads any more.
# Right: the app is up at the end, and the run is over or can be gone on with.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
mark
remember
# shellcheck disable=SC2016 # for the shell in the terminal, which stays, as a person's does
in_terminal interrupt bash -c 'trap : INT; "$@" 2>&1 | tee "$0"; exit "${PIPESTATUS[0]}"' "$logs/tee"
ends_with 0 5 130
app_up
resumable fast
marked
