#!/usr/bin/env bash
# A controller has put its finalizer on the app's pod: the pod, once deleted, would stay, and keep its claim.
# Right: refused, nothing is changed.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
k patch pod counter-0 --type=merge -p '{"metadata":{"finalizers":["example.org/guard"]}}' >/dev/null
remember
move fast
ends_with 4
says example.org/guard
unchanged
