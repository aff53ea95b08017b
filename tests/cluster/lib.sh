# shellcheck shell=bash disable=SC2034 # read by those who source this
# What the scripts of the test cluster share: where things are, how to speak,
# how to wait with a deadline, and how a component is started and ended.
#
# Everything a cluster makes on the host (bridge, veths, network namespaces,
# cgroups) is named after its index, never after its name: `ks1n1` belongs to
# one cluster only, while a pattern made from the name "a" would also hit "a-b".

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
all_clusters=$(realpath -m "${CLUSTER_ROOT:-/var/tmp/kstateful}")
cache=$(realpath -m "${KSTATEFUL_CACHE:-/var/tmp/kstateful-cache}")
kube_version=v1.36.3
drivers="slow fast"

say() { echo "$*" >&2; }
die() { say "error: $*"; exit 1; }

# Only files that decide what comes out are part of a key, so that a change to
# a script does not cost another build.
bin_key=$(cd "$here" && find . -path ./images -prune -o \( -name '*.go' ! -name '*_test.go' -o -name go.mod -o -name go.sum -o -name build \) -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
image_key=$(cd "$here" && sha256sum image build-images images/* | sha256sum | cut -c1-16)
bin=$cache/bin-$bin_key
images=$cache/images-$image_key

check_name() {
  [[ $1 =~ ^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$ ]] ||
    die "cluster name \`$1\` must be 1 to 30 lower-case letters, digits or dashes"
}

# of_cluster NAME: sets what belongs to a cluster that has been started.
of_cluster() {
  check_name "$1"
  name=$1 root=$all_clusters/$1
  [ -f "$root/shape" ] || die "there is no cluster \`$1\` under $all_clusters (start it with: $here/up $1)"
  set_shape "$(cut -d' ' -f1 "$root/shape")" "$(cut -d' ' -f2 "$root/shape")"
  bin=$(readlink "$root/bin") # what it was started with, even if the sources changed since
}

# set_shape INDEX NODES: every address, port and host name that follows from them.
set_shape() {
  index=$1 nodes=$2
  api_port=$((6443 + index * 100)) etcd_port=$((2379 + index * 100))
  kcm_port=$((10257 + index * 10)) sched_port=$((10259 + index * 10))
  net=10.$((200 + index)) services=10.$((220 + index)).0
  bridge=ks$index
  export KUBECONFIG=$root/admin.conf
}
node_link() { echo "ks${index}n$1"; } # also its network namespace and cgroup

kubectl() { "$bin/kubectl" --request-timeout=20s "$@"; }

# --- components ------------------------------------------------------------
# A component is a script $root/components/NAME that notes its own process id
# (with the start time, since ids are used again) and runs the program. What ends by
# itself is started again, as the kubelet and systemd do it, and noted in $root/ended;
# what is signalled is not, since the script is in the same process group.

# component NAME COMMAND...: writes the script; does not start it.
component() {
  local n=$1
  shift
  {
    component_head "$n"
    echo "trap told=1 TERM INT"
    # As often as something may happen by chance, and not for ever.
    echo "for _ in 1 2 3 4 5; do"
    printf ' %q' "$@"
    echo
    echo "came=\$?"
    echo '[ -z "$told" ] || exit 0'
    echo "echo \"\$(date -Is) $n ended by itself with \$came\" | tee -a $root/ended"
    echo "sleep 1"
    echo '[ -z "$told" ] || exit 0'
    echo "done"
  } | component_script "$n"
}

# holder NAME COMMAND...: the same for a process that others join, and that nothing can stand in for.
holder() {
  local n=$1
  shift
  {
    component_head "$n"
    printf 'exec'
    printf ' %q' "$@"
    echo
  } | component_script "$n"
}

component_head() { # NAME
  echo '#!/bin/bash'
  echo "cd $root || exit 1"
  # Memory is collected seldom: a machine for tests has more of it than of cores.
  echo "export GOGC=400"
  # shellcheck disable=SC2016  # expanded when the component starts
  printf 'read -r -a stat </proc/$$/stat; echo "$$ ${stat[21]}" >%q\n' "$root/run/$1.pid"
}

component_script() { # NAME; from stdin
  local file=$root/components/$1
  cat >"$file.new"
  chmod +x "$file.new"
  mv "$file.new" "$file"
}

start_component() {
  [ -x "$root/components/$1" ] || die "cluster \`$name\` has no component \`$1\`; it has: $(cd "$root/components" && echo *)"
  rm -f "$root/run/$1.pid"
  # Descriptor 9 is the lock of this cluster: a component must not inherit it.
  setsid "$root/components/$1" >>"$root/log/$1.log" 2>&1 </dev/null 9>&- &
  disown # or the shell would tell of its end
}

# running NAME: its process id, or failure. An id that now belongs to another
# process (another start time) is not ours.
running() {
  local pid started stat
  read -r pid started 2>/dev/null <"$root/run/$1.pid" || return 1
  read -r -a stat 2>/dev/null <"/proc/$pid/stat" || return 1
  [ "${stat[21]}" = "$started" ] && [ "${stat[2]}" != Z ] || return 1
  echo "$pid"
}

# signal NAME SIGNAL: to the whole process group of a component.
signal() {
  local pid
  pid=$(running "$1") || return 0
  kill -s "$2" -- "-$pid" 2>/dev/null || kill -s "$2" "$pid" 2>/dev/null || true
}

# group_left PID: whether anything of a process group still runs.
group_left() {
  # Some end while they are read. A name with a space in it would move the fields; the programs here have none.
  { cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk -v group="$1" '$5 == group && $3 != "Z" {found = 1} END {exit !found}'
}

# await SECONDS COMPONENT WHAT COMMAND...: repeats the command until it is true.
# Ends early, with the log, when the component waited for has died.
await() {
  local seconds=$1 n=$2 what=$3 end
  shift 3
  end=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    if [ "$n" != - ] && [ -f "$root/run/$n.pid" ] && ! running "$n" >/dev/null; then
      blame "$n" "component \`$n\` ended while waiting for $what"
    fi
    [ $SECONDS -lt $end ] || blame "$n" "$what: not within $seconds s"
    sleep 0.1
  done
}

blame() {
  say "error: $2"
  if [ "$1" != - ]; then
    say "--- last lines of $root/log/$1.log"
    tail -n 15 "$root/log/$1.log" >&2 || true
  fi
  exit 1
}

# in_node NUMBER COMMAND...: runs it in the network and mount namespace of a node.
in_node() {
  local holder number=$1
  shift
  holder=$(running "node$number") || die "node $number of cluster \`$name\` is not running"
  nsenter --target "$holder" --net --mount -- "$@"
}

# lock_cluster NAME: one up or down of a name at a time.
lock_cluster() {
  mkdir -p "$all_clusters/.locks"
  exec 9>"$all_clusters/.locks/$1"
  flock -w 300 9 || die "another up or down of cluster \`$1\` is still running"
}

# component_name WORD: a component's own name; NAME-nodeN means the kubelet of node N.
component_name() {
  local n=$1
  [[ $n =~ ^(${name}-)?(node[1-9])$ ]] && n=${BASH_REMATCH[2]}-kubelet
  [ -x "$root/components/$n" ] || die "cluster \`$name\` has no component \`$1\`; it has: $(cd "$root/components" && echo *)"
  echo "$n"
}
