#!/usr/bin/env bash
# A plan file that the old version wrote is given to the new one.
# Right: carried out, if it is what the new one would plan (docs/security.md, "Planned anew"). Or refused with one error, nothing changed; then the new
# version's own plan is carried out, as the hint says.
# shellcheck source=case.sh
. "$(dirname "$0")/case.sh"
start_filled
old stateful plan sts/counter --to-storage-class fast --ready-timeout 60s --run there --out "$logs/old.yaml"
ends_with 0
KUBECTL_STATEFUL_MOVER_IMAGE=$OLD_IMAGE stateful execute "$logs/old.yaml" --yes
if [ "$code" = 0 ]; then
  was carried out
else
  was refused
  ends_with 1 4
  refused_clearly
  says 'plan anew'
  unchanged
  stateful plan sts/counter --to-storage-class fast --ready-timeout 60s --run there --out "$logs/new.yaml"
  ends_with 0
  stateful execute "$logs/new.yaml" --yes
  ends_with 0
fi
moved_to fast
data_equal
