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
    let pin = |policy_before| {
        let (namespace, set, uid) = (choice.namespace(), app.name.clone(), app.uid.clone());
        let step = PinRetention { namespace, set, uid, policy_before, claims: choice.claim_names() };
        planned(&app.name, API_SECS, Step::PinRetention(step))
    };
    retention(choice.survey).map(pin).into_iter().collect()
}

/// Gives the set its policy back.
pub(super) fn restoration(choice: &Choice<'_>) -> Option<PlannedStep> {
    let set = choice.survey.app.name.clone();
    let restore = |policy| RestoreRetention { namespace: choice.namespace(), set: set.clone(), policy };
    retention(choice.survey).map(|policy| planned(&set, API_SECS, Step::RestoreRetention(restore(policy))))
}
