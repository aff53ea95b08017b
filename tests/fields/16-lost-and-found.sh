#!/usr/bin/env bash
# A volume without a lost+found of its file system's own (XFS), in which there is one with content: what a repair once saved, copied along.
# Right: moved with it.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter 's/storageClassName: slow/storageClassName: slow-xfs/; s/64Mi/320Mi/'
in_app "mkdir /data/lost+found && echo saved >'/data/lost+found/#131074' && sync"
moves slow
[ "$(in_app "cat '/data/lost+found/#131074'")" = saved ] || wrong "what was in lost+found is not there"
