# shellcheck shell=bash
# What tests/run and tests/demo share: where things are built, and a cluster with the mover's image in it.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${KSTATEFUL_CACHE:-/var/tmp/kstateful-cache}
target=x86_64-unknown-linux-gnu
say() { echo "$*" >&2; }
part() { say; say "=== $* ($((SECONDS / 60)) min $((SECONDS % 60)) s)"; }

# need_program PROGRAM PACKAGE...: as root, what is not there; otherwise it names the packages.
need_program() {
  local program=$1
  shift
  if command -v "$program" >/dev/null; then return; fi
  [ "$(id -u)" = 0 ] || { say "error: no $program"; say "hint: apt-get install $*"; exit 1; }
  apt-get update -qq && apt-get install -y -qq "$@" >&2
}

# What a build needs; the toolchain itself must be there.
need_tools() {
  command -v cargo >/dev/null || { say "error: cargo is not installed"; say "hint: install Rust 1.95 or newer (https://rustup.rs)"; exit 1; }
  need_program cc gcc libc6-dev
}

# The command for this machine.
build_command() { (cd "$top" && cargo build --quiet --release --bin kubectl-stateful); }

# The mover as a static program, for an image with nothing else in it.
build_mover() {
  (cd "$top" && RUSTFLAGS="-C target-feature=+crt-static" cargo build --quiet --release --target $target --no-default-features --bin stateful-mover)
}

# cluster_with_mover NAME [MOVER]: brings a cluster up, if it is not, and loads the mover's image.
cluster_with_mover() {
  "$top/tests/cluster/up" "$1" >/dev/null
  eval "$("$top/tests/cluster/env" "$1")"
  mkdir -p "$cache/mover"
  local image=$cache/mover/$$.tar
  "$top/tests/cluster/mover-image" "${2:-$top/target/$target/release/stateful-mover}" "$image"
  "$top/tests/cluster/load" "$1" "$image"
  rm -f "$image"
}
