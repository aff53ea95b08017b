//! The one place that writes: results go to standard output, talk to standard error.
//!
//! It writes [`Words`] and nothing else, and does not know what they say.

use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::Mutex;

use super::escaped::{Printable, Words, words};
use crate::operate::exit::ExitClass;
use crate::operate::failure::CommandError;

/// Whoever read may have gone away (`| head`), which is no failure of ours.
pub(super) fn to_stderr(text: &Words) {
    drop(writeln!(std::io::stderr().lock(), "{}", text.as_str()));
}

/// Whether a result could not be written. Whoever asked for it has less than was found, and must not take it for all.
static RESULT_IS_LOST: Mutex<Option<std::io::Error>> = Mutex::new(None);

/// As [`to_stderr`], but for a full disk or the like.
fn to_stdout(text: &Words) {
    let mut stdout = std::io::stdout().lock();
    let written = write!(stdout, "{}", text.as_str()).and_then(|()| stdout.flush());
    if let Err(error) = written.or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }) {
        *RESULT_IS_LOST.lock().expect("no code panics while holding this lock") = Some(error);
    }
}

/// Says whether all results were written.
///
/// # Errors
///
/// When one was not, for another reason than that its reader has gone away.
pub fn written() -> Result<(), CommandError> {
    match RESULT_IS_LOST.lock().expect("no code panics while holding this lock").take() {
        None => Ok(()),
        Some(error) => Err(CommandError::new(ExitClass::Error, format!("cannot write the result to standard output: {error}"))
            .hinted("see that there is room where standard output leads")),
    }
}

/// Decides about colours for both streams; none: as each terminal is.
pub fn set_colours(colours: Option<bool>) {
    let decided = |is_terminal: bool| colours.unwrap_or(is_terminal);
    console::set_colors_enabled(decided(std::io::stdout().is_terminal()));
    console::set_colors_enabled_stderr(decided(std::io::stderr().is_terminal()));
}

/// Prints a result: words, or a document as it was written.
pub fn result(text: &(impl Printable + ?Sized)) {
    let text = text.as_result(std::io::stdout().is_terminal());
    to_stdout(&text);
    if !text.as_str().ends_with('\n') {
        to_stdout(&words!("\n"));
    }
}

/// Says something on the side.
pub fn say(text: &(impl Printable + ?Sized)) {
    to_stderr(&text.as_talk());
}

/// Passes on what the API server warned of.
pub fn warn(warnings: &[String]) {
    for warning in warnings {
        to_stderr(&words!("Warning: {}", Words::paragraph(warning)));
    }
}
