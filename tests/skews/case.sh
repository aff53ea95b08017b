# shellcheck shell=bash
# What the cases share beside what those of tests/field do (../fields/case.sh): commands and movers of two versions, and an app with data that is compared.
# tests/skew gives them:
#   OLD                      the old version's name
#   OLD_COMMAND, OLD_IMAGE   its kubectl-stateful, and its mover
# COMMAND and KUBECTL_STATEFUL_MOVER_IMAGE are the new version's, which `stateful` and `move` of ../fields/case.sh take.
FIELD_OF=skew-${OLD:?run it by tests/skew}
# shellcheck source=../fields/case.sh
. "$(dirname "${BASH_SOURCE[0]}")/../fields/case.sh"

# old FUNCTION...: with the old version's command and mover.
old() { COMMAND=$OLD_COMMAND KUBECTL_STATEFUL_MOVER_IMAGE=$OLD_IMAGE "$@"; }
# was NOTE: tells in the case's line how it went, where more than one way is right.
was() { title+=" ($*)"; }

# --- the data ----------------------------------------------------------------
manifest() { echo "${BASH_SOURCE[0]%/*}/app.yaml"; }
# start_filled [SED]: the app, with content of several kinds; what is there now is remembered.
start_filled() {
  start sts/counter "${1:-}"
  in_app 'cd /data && head -c 2000000 /dev/urandom >large && mkdir deep && seq 5000 >deep/numbers && chmod 640 deep/numbers && ln large again &&
    ln -s deep/numbers soft && head -c 1000000 /dev/urandom >/more/large && seq 3000 >/more/numbers && sync'
  lines=$(in_app 'wc -l </data/log')
  remember
  sums >"$logs/sums"
}
# sums: of all the app has stored so far; what it appends to its log goes on.
sums() {
  in_app "cd / && find data more -path '*/lost+found' -prune -o -type f ! -name log -print | sort | xargs sha256sum && head -n $lines /data/log | sha256sum &&
    cd /data && readlink soft && stat -c '%n %a %u %g %h' deep deep/numbers large /more/*"
}
data_equal() { [ "$(sums)" = "$(cat "$logs/sums")" ] || wrong "the data is not what it was"; }
# write_late: what the app stores after it was moved is there later as well.
write_late() {
  in_app 'echo late >/data/late && echo later >>/more/numbers && sync'
  lines=$(in_app 'wc -l </data/log')
  sums >"$logs/sums"
}

# --- a run that changes hands ------------------------------------------------
# begin_old CLASS ARGS...: a run of the old version; its process id is in $running.
begin_old() { old begin_move "$@" --output jsonl; }
# kill_at STEP WORD: as soon as it tells of such a step with this word, two minutes from now at the latest: `acting`; `copying`, once its mover is at it.
kill_at() {
  local end=$((SECONDS + 120))
  until tells "$@" || [ $SECONDS -ge $end ] || ! kill -0 "$running" 2>/dev/null; do sleep 0.05; done
  tells "$@" || wrong "the command did not come to $1"
  kill -KILL "$running" || wrong "the command ended by itself"
  wait "$running" 2>/dev/null || true
}
tells() { grep -F "\"step\":\"$1:" "$said" 2>/dev/null | grep -qF "\"$2\""; }
# The option by which the data takes half a minute, longer than a lease that nobody renews.
slowly=--bandwidth-limit=100Ki

# go_on ARGS...: the new version takes up the run, by `stateful ARGS`. It wants the user's word for the plan if, and only if, no volume bears the plan's
# digest; then it gets what its refusal says.
go_on() {
  local bears_digest='' digest
  ! volumes_bear_digest || bears_digest=yes
  stateful "$@"
  digest=$(sed -n 's/.*add `--plan-digest \([0-9a-f]*\)`.*/\1/p' "$said" | head -n 1)
  if [ -n "$bears_digest" ]; then
    [ -z "$digest" ] || wrong "$1 wants the digest of a plan although volumes bear it"
    return 0
  fi
  ends_with 4
  stateful "$@" --plan-digest "${digest:-unknown}"
}
volumes_bear_digest() {
  kubectl get pv -o json | jq -e --arg ns "$ns" 'any(.items[]; .spec.claimRef.namespace == $ns and .metadata.annotations["kubectl-stateful.dev/plan-digest"])' >/dev/null
}
app_down() { ! is_up >/dev/null 2>&1 || wrong "the app is up: the old version was not killed in the outage"; }

# refused_clearly: one error, which says what can be done.
refused_clearly() {
  [ "$(grep -c '^error' "$said")" = 1 ] || wrong "it does not say one error"
  says '^hint: '
}
