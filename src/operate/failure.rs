//! Why a command did not succeed: an exit class, one error or several refusals, and hints.
//!
//! How that looks is for `words` to say.

use super::exit::ExitClass;

/// Why a command did not succeed.
#[derive(Debug)]
pub struct CommandError {
    /// How it ends.
    pub class: ExitClass,
    /// What happened, each as a sentence fragment with its hint. More than one only for refusals.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub what: String,
    /// What can be done about it.
    pub hints: Vec<String>,
}

impl CommandError {
    /// An error of one fault.
    pub fn new(class: ExitClass, what: impl Into<String>) -> Self {
        Self { class, faults: vec![Fault { what: what.into(), hints: Vec::new() }] }
    }

    /// An end without anything to say, for exit codes that only tell a script something.
    pub fn silent(class: ExitClass) -> Self {
        Self { class, faults: Vec::new() }
    }

    /// Adds a hint to the last fault.
    #[must_use]
    pub fn hinted(mut self, hint: impl Into<String>) -> Self {
        if let Some(fault) = self.faults.last_mut() {
            fault.hints.push(hint.into());
        }
        self
    }

    /// Adds a hint where there is one.
    #[must_use]
    pub fn maybe_hinted(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hinted(hint),
            None => self,
        }
    }
}
