# shellcheck shell=bash
# What the cases share: a namespace of the case's own, what is looked at before and after, and the line that tells what was seen. What is right is
# decided by the cases. A case is a script of its own, so that one can be tried alone; tests/field gives it its surroundings:
#   FIELD_CLUSTER   name of the test cluster, which KUBECONFIG leads to
#   FIELD_LOGS      a folder for what the command prints
#   COMMAND         kubectl-stateful; KUBECTL_STATEFUL_MOVER_IMAGE its mover
#   PATIENCE        seconds that one call of the command may take
#   FIELD_OF        of what, if not of tests/field, the case is one: names of namespaces begin with it
set -Eeuo pipefail
fields=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cluster_scripts=$fields/../cluster
variant=${1:-}
case_name=$(basename "$0" .sh)
title=${FIELD_OF:+$FIELD_OF }$case_name${variant:+/$variant}
ns=${FIELD_OF:-field}-${case_name%%-*}${variant:+-$variant}
logs=${FIELD_LOGS:?run it by tests/field}/$ns
mkdir -p "$logs"
export GOGC=off TERM=dumb
kubectl() { command kubectl --request-timeout=30s "$@"; }
k() { kubectl -n "$ns" "$@"; }

# --- what was seen -----------------------------------------------------------
wrong=()
wrong() { wrong+=("$*"); }
# said_last: the words of the command that matter most, in short.
said_last() { grep -hE '^error|panicked' "$said" 2>/dev/null | tail -n 1 | cut -c1-200 || true; }

conclude() {
  local came=$?
  trap - EXIT
  set +e
  [ $came = 0 ] || wrong "the case itself broke at line $broke (see $logs)"
  for one in "${background[@]}"; do kill -CONT "$one" 2>/dev/null; kill "$one" 2>/dev/null; done
  { k get sts,deploy,pods,pvc,cm,leases,events -o wide; kubectl get pv; } >"$logs/at-the-end" 2>&1
  undo_of_case
  clean >"$logs/cleaning" 2>&1
  if [ ${#wrong[@]} = 0 ]; then
    echo "$title: as expected"
    exit 0
  fi
  local line=$title: one
  for one in "${wrong[@]}"; do line+=" $one;"; done
  echo "${line%;}"
  exit 1
}
background=() broke='' said=/dev/null code=''
undo_of_case() { :; } # what a case changed outside of its namespace
trap 'broke=$LINENO' ERR
trap conclude EXIT
trap 'exit 130' INT TERM

# --- the app -----------------------------------------------------------------
# clean: nothing is left of the case, however it ended: foreign finalizers are taken off, kept volumes are deleted.
clean() {
  local volumes one
  kubectl delete validatingadmissionpolicy,validatingadmissionpolicybinding,mutatingadmissionpolicy,mutatingadmissionpolicybinding "$ns" --ignore-not-found
  volumes=$(kubectl get pv -o json | jq -r --arg ns "$ns" '.items[] | select(.spec.claimRef.namespace == $ns).metadata.name')
  kubectl delete storageclass "$ns" --ignore-not-found
  kubectl delete namespace "$ns" --ignore-not-found --wait=false
  for _ in $(seq 40); do
    [ -n "$(kubectl get namespace "$ns" --ignore-not-found -o name)" ] || break
    for one in $(k get sts,deploy,pods -o json | jq -r '.items[] | select(.metadata.finalizers).kind + "/" + .metadata.name'); do
      k patch "$one" --type=merge -p '{"metadata":{"finalizers":null}}'
    done
    sleep 2
  done
  for one in $volumes; do
    kubectl patch pv "$one" -p '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'
    # No provisioner would remove what was made by hand.
    kubectl get pv "$one" -o json | jq -e '.spec.csi' >/dev/null || kubectl delete pv "$one" --wait=false
  done
}

# give: applies what it reads, with the namespace, a node and a folder of the case in their places.
give() {
  sed "s|NAMESPACE|$ns|g; s|NODE1|$FIELD_CLUSTER-node1|g; s|FOLDER|$(folder)|g" | k apply -f - >"$logs/applied" 2>&1 ||
    { cat "$logs/applied" >&2; return 1; }
}
# folder: where a case can have a folder of the nodes' disk, which goes with the cluster.
folder() { echo "${CLUSTER_ROOT:-/var/tmp/kstateful}/$FIELD_CLUSTER/$ns"; }

# start APP [SED]: a namespace, and in it the case's manifest or, where it has none, a plain app; waits until it is ready.
start() {
  app=$1 name=${1#*/} pod=${1#*/}
  case $app in sts/*) pod=$name-0 ;; deploy/*) pod=$app ;; esac
  prepare
  sed "${2:-}" "$(manifest)" | give
  ready
}
prepare() {
  [ -z "$(kubectl get namespace "$ns" --ignore-not-found -o name)" ] || clean >"$logs/cleaning-before" 2>&1
  kubectl create namespace "$ns" >/dev/null
}
manifest() { if [ -e "$fields/$case_name.yaml" ]; then echo "$fields/$case_name.yaml"; else echo "$fields/plain.yaml"; fi; }
ready() {
  local count condition=condition=Ready
  count=$(k get "$app" -o jsonpath='{.spec.replicas}')
  [ -z "$count" ] || condition="jsonpath={.status.readyReplicas}=$count"
  k wait "$app" "--for=$condition" --timeout=150s >/dev/null
}
in_app() { k exec "$pod" -c "$name" -- sh -c "$1" 2>/dev/null; }
# until_true SECONDS COMMAND...
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.5
  done
}

# on_volume SHELL: runs in the app's volume, as root of the app's node.
on_volume() {
  local uid node volume
  uid=$(k get pod "$pod" -o jsonpath='{.metadata.uid}')
  node=$(k get pod "$pod" -o jsonpath='{.spec.nodeName}')
  volume=$(k get pvc -o jsonpath='{.items[0].spec.volumeName}')
  on_node "${node##*node}" sh -c "cd /var/lib/kubelet/pods/$uid/volumes/kubernetes.io~csi/$volume/mount && $1"
}
# on_node NUMBER COMMAND...: in the mounts of a node.
on_node() {
  (
    # shellcheck source=../cluster/lib.sh
    . "$cluster_scripts/lib.sh"
    of_cluster "$FIELD_CLUSTER"
    in_node "$@"
  )
}

# --- the command -------------------------------------------------------------
# stateful ARGS...: runs the command under test; its exit code is in $code, what it printed in $said.
calls=0
stateful() {
  calls=$((calls + 1)) said=$logs/$calls-$1 code=0
  timeout --foreground -k 15 "${PATIENCE:-400}" "$COMMAND" "$@" -n "$ns" >"$said" 2>&1 </dev/null || code=$?
  case $code in 124 | 137) wrong "$1 did not end within ${PATIENCE:-400} s" ;; esac
}
move_args=(--ready-timeout 60s --yes --run there)
# move CLASS ARGS...
move() { stateful execute "$app" --to-storage-class "$1" "${move_args[@]}" "${@:2}"; }
# begin_move CLASS ARGS...: the same beside what follows; its process id is in $running.
begin_move() {
  calls=$((calls + 1)) said=$logs/$calls-execute
  set -m
  "$COMMAND" execute "$app" --to-storage-class "$1" "${move_args[@]}" "${@:2}" -n "$ns" >"$said" 2>&1 </dev/null &
  running=$!
  set +m
  background+=("$running")
}
# until_copying: until its mover runs beside the app, and some seconds more.
until_copying() {
  until_true 90 mover_runs || wrong "no mover ran within 90 s"
  sleep 3
}
mover_runs() { k get pods -l app.kubernetes.io/managed-by=kubectl-stateful -o json | jq -e 'any(.items[]; .status.phase == "Running")'; }
# when_down FILE: makes it once the app's pod is gone.
when_down() {
  { k wait "pod/$pod" --for=delete --timeout=120s >/dev/null 2>&1 && : >"$1"; } &
  background+=($!)
}
# in_terminal close|interrupt [COMMAND...]: the move of a person at a terminal, to which that happens while the app is down; cold, so that it is down for
# some seconds. COMMAND is what it is run by.
in_terminal() {
  when_down "$logs/down"
  calls=$((calls + 1)) said=$logs/$calls-execute code=0
  timeout --foreground -k 15 "${PATIENCE:-400}" "$fields/in-terminal" "$1" "$logs/down" "$said" "${@:2}" \
    "$COMMAND" execute "$app" --to-storage-class fast --cold "${move_args[@]}" -n "$ns" || code=$?
  [ $code != 99 ] || wrong "it ended before the app was down"
}
# until_over SECONDS: waits for the one begun; its exit code is in $code.
until_over() {
  local end=$((SECONDS + $1))
  while kill -0 "$running" 2>/dev/null && [ $SECONDS -lt $end ]; do sleep 0.5; done
  if kill -0 "$running" 2>/dev/null; then wrong "it did not end within $1 s"; kill -KILL "$running"; fi
  code=0
  wait "$running" 2>/dev/null || code=$?
}

# --- what there is, before and after -----------------------------------------
# facts: a line for each object: KIND/NAME and what must not change by itself. Ours are `our-KIND/NAME`.
facts() {
  {
    k get sts,deploy,pods,pvc,cm,leases -o json
    kubectl get pv -o json
  } | jq -rs --arg ns "$ns" '
    def ours: .metadata.labels["app.kubernetes.io/managed-by"] == "kubectl-stateful";
    def key: (if ours then "our-" else "" end) + (.kind | ascii_downcase) + "/" + .metadata.name;
    def gone: if .metadata.deletionTimestamp then " being-deleted=yes" else "" end;
    .[].items[]
    | if .kind == "StatefulSet" or .kind == "Deployment" then
        "\(key) uid=\(.metadata.uid) spec=\(.spec | tojson | @base64) replicas=\(.spec.replicas)\(gone)"
      elif .kind == "Pod" then "\(key) uid=\(.metadata.uid)\(gone)"
      elif .kind == "PersistentVolumeClaim" then
        "\(key) uid=\(.metadata.uid) volume=\(.spec.volumeName) class=\(.metadata.annotations["volume.beta.kubernetes.io/storage-class"] // .spec.storageClassName) phase=\(.status.phase)\(gone)"
      elif .kind == "PersistentVolume" and .spec.claimRef.namespace == $ns then
        "\(key) policy=\(.spec.persistentVolumeReclaimPolicy) role=\(.metadata.labels["kubectl-stateful.dev/role"] // "none") claim=\(.spec.claimRef.name)\(gone)"
      elif ours then key
      else empty end' | sort
}
# remember: what there is now is what there should be if nothing is moved.
remember() { facts >"$logs/before"; }

# differences PATTERN: of the lines that fit, what is not as it was; in words.
differences() {
  facts >"$logs/after"
  awk -v pattern="$1" '
    function value(word) { sub(/^[^=]*=/, "", word); return length(word) > 40 ? "another" : word }
    $1 !~ pattern { next }
    NR == FNR { was[$1] = $0; next }
    !($1 in was) { print $1 " is new"; next }
    { seen[$1] = 1
      if (was[$1] == $0) next
      n = split(was[$1], a); m = split($0, b); told = ""
      for (i = 2; i <= (n > m ? n : m); i++) if (a[i] != b[i]) {
        field = (b[i] != "" ? b[i] : a[i]); sub(/=.*/, "", field)
        told = told (told ? ", " : "") (field == "uid" ? "made again" : field == "spec" ? "another spec" : field " " value(a[i]) "->" value(b[i]))
      }
      print $1 " (" told ")" }
    END { for (one in was) if (!(one in seen)) print one " is gone" }' "$logs/before" "$logs/after"
}
# same PATTERN WHAT: fails unless the lines that fit come to be as they were within half a minute: volumes go after their claims.
same() {
  local found
  for _ in $(seq 15); do
    found=$(differences "$1")
    [ -n "$found" ] || return 0
    sleep 2
  done
  wrong "$2: $(head -n 6 <<<"$found" | paste -sd'|' | sed 's/|/, /g')"
}

# --- what may be expected ----------------------------------------------------
# ends_with CODE...: the command ended with one of these.
ends_with() {
  local one words
  for one in "$@"; do [ "$code" != "$one" ] || return 0; done
  words=$(said_last)
  wrong "exit $code, not ${*// / or }${words:+ (\`$words\`)}"
}
# says WORDS: it printed them (a pattern, in any case).
says() { grep -qiE -- "$1" "$said" || wrong "it does not say \`$1\`"; }
does_not_say() { ! grep -qiE -- "$1" "$said" || wrong "it says \`$1\`"; }
# unchanged: refused: nothing at all was changed or made.
unchanged() { same '.' changed; app_up; }
# untouched: the app runs as before, and nothing of ours is left but the records of the run.
untouched() { same '^(statefulset|deployment|pod|persistentvolumeclaim|persistentvolume|our-pod|our-persistent.*|our-lease)/' touched; app_up; }
# app_untouched: the app runs as before; what the run made may wait to be used.
app_untouched() { same '^(statefulset|deployment|pod|persistentvolumeclaim)/' touched; app_up; }

# app_up: as many pods are ready as before, within a minute.
app_up() {
  local replicas
  until_true 60 is_up || wrong "THE APP IS DOWN ($(standing))"
  replicas=$(grep -E '^(statefulset|deployment)/' "$logs/before" | sed 's/.*replicas=//; s/ .*//' || true)
  [ -z "$replicas" ] || [ "$(k get "$app" -o jsonpath='{.spec.replicas}' 2>/dev/null)" = "$replicas" ] || wrong "$app is not scaled to $replicas"
}
is_up() {
  k get "$app" -o json | jq -e '.metadata.deletionTimestamp == null and
    if .kind == "Pod" then any(.status.conditions[]?; .type == "Ready" and .status == "True")
    else .spec.replicas > 0 and .spec.replicas == .status.readyReplicas and .metadata.generation == .status.observedGeneration end'
}
standing() {
  k get "$app" --ignore-not-found -o json | jq -rs 'if . == [] then "there is none" else .[0] |
    if .kind == "Pod" then .status.phase else "\(.status.readyReplicas // 0) ready, \(.spec.replicas) wanted" end
    + if .metadata.deletionTimestamp then ", being deleted" else "" end end'
}

# moved_to CLASS: every claim is bound to another volume of that class, the old ones are kept, nothing else of ours is left; the app is up.
moved_to() {
  local claim volume on is
  app_up
  facts >"$logs/after"
  while read -r claim volume; do
    on=$(fact "$logs/after" "$claim" volume)
    if [ "$on" = "$volume" ]; then
      wrong "$claim is on its old volume"
      continue
    fi
    is="$(fact "$logs/after" "$claim" class) $(fact "$logs/after" "$claim" phase)"
    [ "$is" = "$1 Bound" ] || wrong "$claim is \`$is\`, not \`$1 Bound\`"
    policy "$on" "$(fact "$logs/before" "persistentvolume/$volume" policy)" none
    policy "$volume" Retain source
  done < <(claims_before)
  nothing_left
}
# moved_back: every claim is bound to the volume it had, which is as it was.
moved_back() {
  local claim volume on
  app_up
  facts >"$logs/after"
  while read -r claim volume; do
    on=$(fact "$logs/after" "$claim" volume)
    [ "$on" = "$volume" ] || wrong "$claim is on ${on:-no volume}, not on its old one"
    policy "$volume" "$(fact "$logs/before" "persistentvolume/$volume" policy)" none
  done < <(claims_before)
  nothing_left
}
claims_before() { sed -n 's/^\(persistentvolumeclaim[^ ]*\) .*volume=\([^ ]*\).*/\1 \2/p' "$logs/before"; }
fact() { grep -F "$2 " "$1" | grep -o " $3=[^ ]*" | cut -d= -f2- | head -n 1 || true; } # FILE OBJECT FIELD
policy() { # VOLUME POLICY ROLE
  local is
  is="$(fact "$logs/after" "persistentvolume/$1" policy) $(fact "$logs/after" "persistentvolume/$1" role)"
  [ "$is" = "$2 $3" ] || wrong "volume $1 has policy and role \`$is\`, not \`$2 $3\`"
}
nothing_left() {
  local left
  left=$(grep -oE '^our-(pod|persistentvolumeclaim|lease)/[^ ]*' "$logs/after" | paste -sd, || true)
  [ -z "$left" ] || wrong "left behind: $left"
}

# resumable: where the run is not over, it can be gone on with, and then it is.
resumable() {
  local state
  state=$("$COMMAND" status -n "$ns" 2>/dev/null | awk '$1 == "there" {print $3}')
  case $state in
    completed | undone) ;;
    *) stateful execute --resume there --yes; ends_with 0 ;;
  esac
  state=$("$COMMAND" status -n "$ns" 2>/dev/null | awk '$1 == "there" {print $3}')
  case $state in
    completed) moved_to "$1" ;;
    undone) untouched_but_restarted ;;
    *) wrong "the run is \`$state\` at the end" ;;
  esac
}
untouched_but_restarted() { moved_back; }

# mark, marked: what the app had stored is there.
mark() { in_app "echo $ns >/data/mark && sync"; }
marked() { [ "$(in_app 'cat /data/mark')" = "$ns" ] || wrong "what the app had stored is not there"; }
# moves CLASS [ARGS...]: the app moves, with all that it had stored.
moves() {
  mark
  remember
  move "$@"
  ends_with 0
  moved_to "$1"
  marked
}
# goes_back: the move is undone, with all that the app had stored.
goes_back() {
  stateful undo there --yes
  ends_with 0
  moved_back
  marked
}
