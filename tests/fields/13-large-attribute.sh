#!/usr/bin/env bash
# An extended attribute of 20,000 bytes, which XFS holds and ext4 has no room for, whatever the size of the volume.
# Right: taken back before the app was stopped; the attribute is named, and not the volume called full.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter 's/storageClassName: slow/storageClassName: slow-xfs/; s/64Mi/320Mi/'
# shellcheck disable=SC2016 # for the shell of the node
on_volume 'echo photo >photo && python3 -c "import os; os.setxattr(\"photo\", \"user.preview\", b\"p\" * 20000)"'
remember
move slow
ends_with 4 5
says user.preview
does_not_say 'volume is full'
untouched
