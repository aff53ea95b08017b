#!/usr/bin/env bash
# Nobody reads what the command prints after its first line: `execute … 2>&1 | head -1`.
# Right: the app is up at the end, and the run is over or can be gone on with.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
mark
remember
calls=1 said=$logs/1-execute
timeout --foreground -k 15 "${PATIENCE:-400}" "$COMMAND" execute "$app" --to-storage-class fast "${move_args[@]}" -n "$ns" 2>&1 </dev/null | head -1 >"$said" || true
app_up
resumable fast
marked
