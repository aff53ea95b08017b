//! Events of a run as JSON lines, for scripts. Their form is a promise; the version in the first line says which one.

use std::io::Write;

use serde_json::{Value, json};

use super::output::result;
use crate::engine::{Ending, Listener, Notice};
use crate::operate::report::RunReport;

/// The version of the events printed as JSON lines.
const EVENTS_VERSION: u32 = 1;

/// One JSON object a line on standard output.
pub(super) struct JsonLines;

impl JsonLines {
    /// Begins with the version of the events.
    pub(super) fn begin() -> Self {
        let lines = Self;
        lines.tell_raw(&json!({ "type": "version", "version": EVENTS_VERSION, "tool": env!("CARGO_PKG_VERSION") }));
        lines
    }
}

impl Listener for JsonLines {
    fn tell(&self, notice: &Notice) {
        self.tell_raw(&serde_json::to_value(notice).expect("notices have only string keys"));
    }

    fn tell_raw(&self, event: &Value) {
        result(&event.to_string());
        drop(std::io::stdout().flush());
    }
}

/// Tells the ending to a script; people have been told already.
pub(super) fn ended(listener: &dyn Listener, report: &RunReport<'_>) {
    let RunReport { plan, ending, exit_code, entries: _ } = report;
    let word = match ending {
        Ending::Completed => "completed",
        Ending::Undone(_) => "undone",
        Ending::Halted(_) => "halted",
        Ending::Stuck { .. } => "stuck",
    };
    let why = match ending {
        Ending::Completed | Ending::Undone(None) => None,
        Ending::Undone(Some(trouble)) | Ending::Halted(trouble) | Ending::Stuck { trouble, .. } => Some(trouble.to_string()),
    };
    listener.tell_raw(&json!({ "type": "ended", "run": plan.run(), "outcome": word, "why": why, "exitCode": exit_code }));
}
