# shellcheck shell=bash
# What tests/run and tests/demo share: where things are built, and a cluster with the mover's image in it.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${KSTATEFUL_CACHE:-/var/tmp/kstateful-cache}
target=x86_64-unknown-linux-gnu
say() { echo "$*" >&2; }
part() { say; say "=== $* ($((SECONDS / 60)) min $((SECONDS % 60)) s)"; }

# The rings of crates that a build needs; the toolchain itself must be there.
need_tools() {
  command -v cargo >/dev/null || { say "error: cargo is not installed"; say "hint: install Rust 1.95 or newer (https://rustup.rs)"; exit 1; }
  if ! command -v cc >/dev/null; then
    [ "$(id -u)" = 0 ] || { say "error: no C compiler"; say "hint: apt-get install gcc libc6-dev"; exit 1; }
    apt-get update -qq && apt-get install -y -qq gcc libc6-dev >&2
  fi
  # Some tests show what it gets wrong; without it they leave that out.
  if ! command -v rsync >/dev/null; then
    [ "$(id -u)" = 0 ] || { say "error: no rsync"; say "hint: apt-get install rsync"; exit 1; }
    apt-get update -qq && apt-get install -y -qq rsync >&2
  fi
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
