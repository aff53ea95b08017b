//! A step with its name and deadline, still without its guard.

use crate::plan::{PlannedStep, Step, StepId};

/// How long a step that only talks to the API may take, in seconds.
pub(super) const API_SECS: u64 = 120;

/// Returns a step about a subject, by which it is told from others of its kind.
pub(super) fn planned(subject: &str, deadline_secs: u64, step: Step) -> PlannedStep {
    PlannedStep { id: StepId(format!("{}:{subject}", step.word())), deadline_secs, guarded_until: None, step }
}
