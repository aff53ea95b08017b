#!/usr/bin/env bash
# A pod of the app was evicted; its object is still listed, and names the claim.
# Right: moved; the dead pod is removed as a step of the plan.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
app=deploy/pages name=pages pod=deploy/pages
prepare
give <"$fields/$case_name.yaml"
evicted() { k get pods -o json | jq -e '.items | length == 2 and any(.status.phase == "Failed" or .status.phase == "Succeeded") and any(.status.phase == "Running")'; }
until_true 150 evicted
ready
moves fast
