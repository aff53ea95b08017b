//! A stateful set's claim retention policy, where it ever deletes claims: held at `Retain` for the time of the move.

use serde_json::Value;

use super::planned::{API_SECS, planned};
use crate::plan::step::{PinRetention, RestoreRetention};
use crate::plan::{PlannedStep, Step};
use crate::planner::choose::Choice;
use crate::survey::{AppKind, Survey};

/// Returns the policy, if it ever deletes claims.
pub(super) fn retention(survey: &Survey) -> Option<Value> {
    let policy = survey.app.raw.pointer("/spec/persistentVolumeClaimRetentionPolicy")?;
    let deletes = policy["whenDeleted"] == "Delete" || policy["whenScaled"] == "Delete";
    (survey.app.kind == AppKind::StatefulSet && deletes).then(|| policy.clone())
}

/// Keeps the set from deleting claims.
pub(super) fn pin(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let app = &choice.survey.app;
    let pin = |policy_before| planned(&app.name, API_SECS, Step::PinRetention(PinRetention { policy_before }));
    retention(choice.survey).map(pin).into_iter().collect()
}

/// Gives the set its policy back.
pub(super) fn restoration(choice: &Choice<'_>) -> Option<PlannedStep> {
    let set = &choice.survey.app.name;
    retention(choice.survey).map(|policy| planned(set, API_SECS, Step::RestoreRetention(RestoreRetention { policy })))
}
