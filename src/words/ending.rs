//! What came of a run: the proof, what is kept, and how to go on or back.

use super::afterwards::{afterwards, notes};
use super::escaped::{Words, words};
use super::receipts::receipts_text;
use crate::journal::Entry;
use crate::plan::Plan;

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
