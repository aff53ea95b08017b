//! What came of a run: the proof, what is kept, and how to go on or back.

use super::afterwards::{afterwards, notes};
use super::escaped::{Words, words};
use super::events;
use super::output::result;
use super::receipts::receipts_text;
use crate::engine::{Ending, Listener};
use crate::journal::Entry;
use crate::operate::report::RunReport;
use crate::plan::{Plan, RunId};

/// Prints what a run came to, where that is a result, and tells a script how it ended. What went wrong is said by the command's error.
pub fn ended(listener: &dyn Listener, report: &RunReport<'_>) {
    match report.ending {
        Ending::Completed => result(&completed_text(report.plan, report.entries)),
        Ending::Undone(None) => result(&undone_text(report.plan)),
        Ending::Undone(Some(_)) | Ending::Halted(_) | Ending::Stuck { .. } => {}
    }
    events::ended(listener, report);
}

/// What came of a completed run: the proof, what is kept, and how to go on or back.
pub fn completed_text(plan: &Plan, entries: &[Entry]) -> Words {
    let mut text = words!("{} moved (run {})\n\n", plan.app.reference(), plan.run());
    text += receipts_text(plan, entries);
    text += words!("\n{}\n", afterwards(plan));
    text += notes(plan);
    text
}

/// What came of a run that was taken back.
pub fn undone_text(plan: &Plan) -> Words {
    words!("{} is as it was; run {} is undone\n", plan.app.reference(), plan.run())
}

/// What came of ending a run for good.
pub fn finalized_text(run: &RunId, volumes: usize) -> Words {
    words!("run {} is finalized: {} volumes deleted\n", run, volumes)
}
