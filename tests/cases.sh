# shellcheck shell=bash
# What tests/field and tests/skew share, beside setup.sh: which cases a folder has, carrying them out beside each other, and the count at the end.
# What the cases print goes to FIELD_LOGS.

# said_in FILE WORD: what a case declares in its head.
said_in() { sed -n "s/^# $2: //p" "$1"; }
# each_case FOLDER: the names of all its cases: `NAME` or `NAME/VARIANT`.
each_case() {
  local file name variant
  for file in "$1"/[0-9]*.sh; do
    name=$(basename "$file" .sh)
    for variant in $(said_in "$file" variants); do echo "$name/$variant"; done
    [ -n "$(said_in "$file" variants)" ] || echo "$name"
  done
}
# is_wanted NAME [BEGINNING...]: whether it begins so, or all are wanted.
is_wanted() {
  local one
  [ $# -gt 1 ] || return 0
  for one in "${@:2}"; do [[ $1 != "$one"* ]] || return 0; done
  return 1
}

need_jq() {
  command -v jq >/dev/null && return
  [ "$(id -u)" = 0 ] || { say "error: no jq"; say "hint: apt-get install jq"; exit 1; }
  apt-get update -qq && apt-get install -y -qq jq >&2
}
# What the caller names as COMMAND and MOVER, or else what is built of this tree.
need_programs_under_test() {
  if [ -z "${COMMAND:-}" ] || [ -z "${MOVER:-}" ]; then need_tools; fi
  [ -n "${COMMAND:-}" ] || { part "building kubectl-stateful"; build_command; COMMAND=$top/target/release/kubectl-stateful; }
  [ -n "${MOVER:-}" ] || { part "building the mover"; build_mover; MOVER=$top/target/$target/release/stateful-mover; }
  COMMAND=$(realpath "$COMMAND")
  export COMMAND KUBECTL_STATEFUL_MOVER_IMAGE=localhost/stateful-mover:dev
}

# one_case FOLDER NAME [PREFIX]: its line is told, and kept to be counted.
one_case() {
  local file=$1/${2%%/*}.sh variant=''
  [ "$2" = "${2#*/}" ] || variant=${2#*/}
  "$file" "$variant" 2>"$FIELD_LOGS/${3:+$3-}${2//\//-}.errors" </dev/null | tee -a "$FIELD_LOGS/lines" || true
}
# begin FOLDER NAME [PREFIX]: the same beside what follows, in a process group of its own, so that it can be ended with all it started.
begin() {
  set -m
  # Told to end, the case cleans up, which is waited for.
  { trap : TERM; one_case "$@"; } &
  set +m
}
# begin_beside COUNT FOLDER NAME [PREFIX]: once fewer than so many run.
begin_beside() {
  while [ "$(jobs -rp | wc -l)" -ge "$1" ]; do wait -n || true; done
  begin "${@:2}"
}
# end_cases: tells those that run to end; they clean up after themselves.
end_cases() {
  local one
  for one in $(jobs -p); do kill -- "-$one" 2>/dev/null || true; done
  wait || true
}
# all_as_expected COUNT: says how many of them were; fails unless all.
all_as_expected() {
  local right
  right=$(grep -c ': as expected$' "$FIELD_LOGS/lines" || true)
  part "$((SECONDS / 60)) min $((SECONDS % 60)) s; what was printed is in $FIELD_LOGS"
  echo "$right of $1 as expected"
  [ "$right" = "$1" ]
}
