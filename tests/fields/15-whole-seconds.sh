#!/usr/bin/env bash
# The target's file system keeps times in whole seconds, as small ext4 volumes of older drivers do (inodes of 128 bytes).
# alone: every new volume is made so meanwhile
# Right: taken back before the app was stopped, and said.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/counter
on_volume 'touch -d @1700000000.123456789 moment'
undo_of_case() {
  for number in 1 2; do on_node $number umount /etc/mke2fs.conf; done
}
sed 's/inode_size = 256/inode_size = 128/' /etc/mke2fs.conf >"$logs/mke2fs.conf"
# Only in the mounts of the nodes: the machine's own file stays as it is.
for number in 1 2; do on_node $number mount --bind "$logs/mke2fs.conf" /etc/mke2fs.conf; done
remember
move fast
ends_with 4 5
says 'whole second|nanosecond|time ?stamp|granularity'
untouched
