//! Whether a run has the app down, and since when: folded from its events, whoever executed them and however often it was taken up.
//!
//! It goes by what the run meant and did. Whether the app runs is for the cluster to say.

use std::collections::BTreeSet;

use super::event::{Entry, Event};
use crate::plan::{Plan, Step, StepId};

/// When the run stopped the app (RFC 3339, by the clock of who executed it), if the app is not up again since: it was seen to be ready on its
/// target, or all that stopped it was taken back.
pub fn down_since<'a>(plan: &Plan, entries: &'a [Entry]) -> Option<&'a str> {
    let steps = |wanted: fn(&Step) -> bool| -> BTreeSet<&StepId> {
        plan.steps().filter(|(_, planned)| wanted(&planned.step)).map(|(_, planned)| &planned.id).collect()
    };
    let (stops, starts) = (steps(Step::stops_app), steps(Step::sees_app_ready));
    let mut since = None;
    let (mut stopped, mut started) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        match &entry.event {
            Event::Intent { step } | Event::Renewed { step } if stops.contains(step) => {
                since = since.or(Some(entry.at.as_str()));
                stopped.insert(step);
            }
            Event::Settled { step, .. } | Event::Found { step, .. } if starts.contains(step) => {
                started.insert(step);
                if started.len() == starts.len() {
                    since = None;
                }
            }
            Event::Undone { step } | Event::Refused { step } if stopped.remove(step) && stopped.is_empty() => since = None,
            Event::Opened { .. }
            | Event::Intent { .. }
            | Event::Settled { .. }
            | Event::Found { .. }
            | Event::Renewed { .. }
            | Event::Noted { .. }
            | Event::Barred { .. }
            | Event::UndoIntent { .. }
            | Event::Undone { .. }
            | Event::Refused { .. }
            | Event::Halted { .. }
            | Event::Ended { .. } => {}
        }
    }
    since
}
