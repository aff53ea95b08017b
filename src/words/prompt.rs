//! Asks on the terminal whether to go on. What was typed before the question was there does not count, an answer ends with Enter, and
//! Ctrl-C is an answer. The cursor is left as it is.

use std::io::{self, IsTerminal, Write};

use console::{Key, Term};
#[cfg(unix)]
use rustix::termios::{QueueSelector, tcflush};

use crate::operate::exit::ExitClass;
use crate::operate::failure::CommandError;

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// To go on.
    Yes,
    /// Not to.
    No,
    /// Not to be asked at all.
    Interrupted,
}

/// Asks whether to go on, before anything was changed.
///
/// # Errors
///
/// When the answer is no, or there is nobody to ask and `--yes` was not given.
pub fn confirm(yes: bool) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(
            CommandError::new(ExitClass::Error, "there is no terminal to ask on").hinted("add `--yes` to go on without being asked")
        );
    }
    match ask("Do you want to continue?") {
        Ok(Answer::Yes) => Ok(()),
        Ok(Answer::No) => Err(CommandError::new(ExitClass::Error, "not confirmed; nothing was changed")),
        Ok(Answer::Interrupted) => Err(CommandError::new(ExitClass::Interrupted, "interrupted; nothing was changed")),
        Err(error) => {
            Err(CommandError::new(ExitClass::Error, format!("cannot ask: {error}")).hinted("add `--yes` to go on without being asked"))
        }
    }
}

/// More than this nobody types who means yes.
const ANSWER_MAX: usize = 16;

/// What a terminal sends for Ctrl-D.
const END: char = '\u{4}';

/// Asks, and waits for an answer as long as it takes.
fn ask(question: &'static str) -> io::Result<Answer> {
    let mut term = Term::stderr();
    // Best effort: without it the answer still needs Enter.
    #[cfg(unix)]
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
    write!(term, "{question} [y/N] ")?;
    let mut typed = String::new();
    let answer = loop {
        match term.read_key_raw()? {
            Key::Enter => break if is_yes(&typed) { Answer::Yes } else { Answer::No },
            Key::CtrlC => break Answer::Interrupted,
            Key::Escape | Key::Char(END) => break Answer::No,
            Key::Backspace if typed.pop().is_some() => term.clear_chars(1)?,
            Key::Char(one) if !one.is_control() && typed.len() < ANSWER_MAX => {
                typed.push(one);
                write!(term, "{one}")?;
            }
            _ => {}
        }
    };
    term.write_line("")?;
    Ok(answer)
}

fn is_yes(typed: &str) -> bool {
    ["y", "yes"].contains(&typed.trim().to_lowercase().as_str())
}
