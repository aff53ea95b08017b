//! The `kubectl stateful` command.

fn main() {}
