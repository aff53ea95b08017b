//! The `stateful-mover` command, which runs in mover pods.

fn main() {}
