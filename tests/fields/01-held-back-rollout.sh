#!/usr/bin/env bash
# Two pods of a set run two templates. A set that is scaled to zero, or made again, forgets the older one: all pods would start the newer.
# Right: refused, nothing is changed.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/archive
k set env sts/archive EDITION=second >/dev/null
tried() { [ "$(k exec archive-1 -- cat /data/editions)" = "first
second" ]; }
until_true 60 tried
ready
remember
move fast
ends_with 4
unchanged
[ "$(in_app 'sort -u /data/editions')" = first ] || wrong "archive-0 has run the second edition"
