//! The steps from the start of the app to the end: it is started, waited for, and its target volumes are made its own.

use super::planned::{API_SECS, planned};
use super::reclaim;
use super::retention::retention;
use crate::plan::step::{AwaitReady, RestorePod, RestoreSet, ScaleUp, SettleTarget};
use crate::plan::{Destination, PlannedStep, Step};
use crate::planner::choose::{Choice, MovedClaim};
use crate::planner::objects::{pod_again, set_again};
use crate::survey::AppKind;

/// Starts the app, or makes it again.
pub(super) fn starts(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let app = &choice.survey.app;
    let step = match app.kind {
        AppKind::Claim => return Vec::new(),
        AppKind::Pod => Step::RestorePod(RestorePod { manifest: pod_again(&app.raw) }),
        AppKind::StatefulSet if choice.remakes_set() => {
            let is_pinned = retention(choice.survey).is_some();
            let manifest = set_again(&app.raw, app.replicas, is_pinned, |template: &str| choice.template(template));
            Step::RestoreSet(RestoreSet { manifest })
        }
        AppKind::StatefulSet | AppKind::Deployment if !choice.app_runs() => return Vec::new(),
        AppKind::StatefulSet | AppKind::Deployment => Step::ScaleUp(ScaleUp {}),
    };
    vec![planned(&app.name, API_SECS, step)]
}

/// Waits for the app.
pub(super) fn awaits(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let app = &choice.survey.app;
    if !choice.app_runs() {
        return Vec::new();
    }
    vec![planned(&app.name, choice.request.ready_secs_max, Step::AwaitReady(AwaitReady {}))]
}

/// Makes the target volumes the app's own.
pub(super) fn settles(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let settle = |claim: &MovedClaim<'_>| {
        let step = SettleTarget { slot: claim.slot.clone(), policy: target_policy(choice, claim) };
        planned(&claim.seen.name, API_SECS, Step::SettleTarget(step))
    };
    choice.claims().map(settle).collect()
}

/// What the target volume's reclaim policy would be had it been made for the claim: that of its class, or what it was before; and what
/// somebody set by hand.
fn target_policy(choice: &Choice<'_>, claim: &MovedClaim<'_>) -> String {
    match (&choice.request.destination, claim.kept) {
        (_, Some(kept)) => kept.reclaim_policy.clone(),
        (Destination::StorageClass { .. }, None) if reclaim::is_kept_by_hand(choice.survey, claim.seen) => "Retain".to_owned(),
        (Destination::StorageClass { .. }, None) => {
            choice.class().map_or_else(|| "Delete".to_owned(), |class| class.reclaim_policy.clone())
        }
        (Destination::KeptVolumes { .. }, None) => "Retain".to_owned(),
    }
}
