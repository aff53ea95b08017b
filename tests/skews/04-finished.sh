#!/usr/bin/env bash
# The old version moved the app to the end. The new one says how it stands, goes back or finalizes. Before it goes back the app's claim is compared with
# a copy of it: by the new version, by its command with the old mover, and by the old command with its mover.
# variants: undo finalize
# Right: as after a run of its own.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start_filled
old move fast
ends_with 0
moved_to fast
data_equal
stateful status
ends_with 0
says '^there +statefulset/counter +completed'
stateful status there
ends_with 0
for one in data more; do says "^$one-counter-0 .*blake3:[0-9a-f]{16}"; done
does_not_say '^error'

# compared: the claim with a copy of it, and with that after one byte has changed. Whole seconds, since this `cp` knows no others.
compared() {
  k scale sts/counter --replicas=0 >/dev/null
  k wait pod/counter-0 --for=delete --timeout=60s >/dev/null
  give <"${BASH_SOURCE[0]%.sh}.yaml"
  k wait pod/copier --for=condition=Ready --timeout=90s >/dev/null
  in_copier 'cp -a /data/large /data/deep /data/soft /data/log /twin/ && ln -f /twin/large /twin/again &&
    for one in /data /twin; do find $one -path $one/lost+found -prune -o -print | sort -r | xargs touch -h -d "2024-01-01 00:00:00"; done && sync'
  stateful verify pvc/data-counter-0 pvc/twin
  ends_with 0
  KUBECTL_STATEFUL_MOVER_IMAGE=$OLD_IMAGE stateful verify pvc/data-counter-0 pvc/twin
  ends_with 0
  COMMAND=$OLD_COMMAND stateful verify pvc/data-counter-0 pvc/twin
  ends_with 0
  in_copier 'printf x | dd of=/twin/large bs=1 seek=1000000 conv=notrunc && sync'
  stateful verify pvc/data-counter-0 pvc/twin
  ends_with 8
  says large
  k delete pod copier --grace-period=1 >/dev/null
  k delete pvc twin >/dev/null
  k scale sts/counter --replicas=1 >/dev/null
  ready
}
in_copier() { k exec copier -- sh -c "$1" 2>"$logs/copier"; }
case $variant in
  undo)
    compared
    write_late
    go_on undo there --yes
    ends_with 0
    moved_back
    stateful status
    says '^there +statefulset/counter +undone'
    ;;
  *)
    go_on finalize there --yes
    ends_with 0
    gone() { ! facts | grep -E '^our-|role=source'; }
    until_true 60 gone || wrong "left behind: $(facts | grep -E '^our-|role=source' | cut -d' ' -f1 | paste -sd,)"
    app_up
    ;;
esac
data_equal
