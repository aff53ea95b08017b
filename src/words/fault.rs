//! Why a command did not succeed, with what can be done about it; and what the parser of the command line has to say.

use console::Style;

use super::escaped::{Words, words};
use super::output::to_stderr;
use crate::operate::exit::ExitClass;
use crate::operate::failure::{CommandError, Fault};

/// Prints what clap has to say (help, version, or a wrong argument) and returns the exit code.
pub fn usage(answer: &clap::Error) -> u8 {
    // A broken pipe is no failure.
    drop(answer.print());
    if answer.use_stderr() { ExitClass::Error.code() } else { 0 }
}

/// Prints why a command did not succeed, and returns the exit code.
pub fn failed(error: &CommandError) -> u8 {
    for fault in &error.faults {
        to_stderr(&fault_text(fault));
    }
    error.class.code()
}

/// What is wrong and what can be done about it, a line each.
pub fn fault_text(fault: &Fault) -> Words {
    let error = words!("error:").styled(&Style::new().red().bold().for_stderr());
    let hint = words!("hint:").styled(&Style::new().cyan().for_stderr());
    let hints = fault.hints.iter().map(|text| words!("{} {}", hint, Words::paragraph(text)));
    Words::joined(std::iter::once(words!("{} {}", error, Words::paragraph(&fault.what))).chain(hints), "\n")
}
