//! The `stateful-mover` command, which runs in mover pods, and so on Linux only.
//!
//! Elsewhere it says so and fails: the package still builds as a whole there.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
mod command;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    command::run()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    use std::io::Write;
    // Where even this cannot be said, the exit code still is.
    let _ = writeln!(std::io::stderr(), "error: the mover runs on Linux only");
    ExitCode::FAILURE
}
