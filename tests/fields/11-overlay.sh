#!/usr/bin/env bash
# Attributes of the name space `trusted`, which a mover without CAP_SYS_ADMIN cannot even see.
# Right: they are kept, or such a tree is refused or taken back before the app was stopped, or the plan says what is not kept. Never silent.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start sts/layers
remember
move fast
case $code in
  0) if [ "$(in_app 'ls /merged/dir')" = made ]; then moved_to fast; else says 'trusted'; fi ;;
  4 | 5) says 'trusted|overlay'; untouched ;;
  *) says 'trusted|overlay'; ends_with 0 4 5; app_up ;;
esac
