#!/usr/bin/env bash
# A controller has put its finalizer on the set: a deletion could not be called off, and would not be over until that controller acts.
# Right: refused, nothing is changed.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter 's|^metadata: {name: counter}|metadata: {name: counter, finalizers: [example.org/guard]}|'
remember
move fast
ends_with 4
says example.org/guard
unchanged
