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
    let (namespace, name, uid) = (choice.namespace(), app.name.clone(), app.uid.clone());
    let step = match app.kind {
        AppKind::Claim => return Vec::new(),
        AppKind::Pod => Step::RestorePod(RestorePod { namespace, name, uid_before: uid, manifest: pod_again(&app.raw) }),
        AppKind::StatefulSet if choice.remakes_set() => {
            let is_pinned = retention(choice.survey).is_some();
            let manifest = set_again(&app.raw, app.replicas, is_pinned, |template: &str| choice.template(template));
            Step::RestoreSet(RestoreSet { namespace, name, manifest })
        }
        AppKind::StatefulSet | AppKind::Deployment if !choice.app_runs() => return Vec::new(),
        kind @ (AppKind::StatefulSet | AppKind::Deployment) => {
            Step::ScaleUp(ScaleUp { kind, namespace, name, uid, replicas: app.replicas })
        }
    };
    vec![planned(&app.name, API_SECS, step)]
}

/// Waits for the app.
pub(super) fn awaits(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let app = &choice.survey.app;
    if !choice.app_runs() {
        return Vec::new();
    }
    let step = AwaitReady { kind: app.kind, namespace: choice.namespace(), name: app.name.clone(), claims: choice.claim_names() };
    vec![planned(&app.name, choice.request.ready_secs_max, Step::AwaitReady(step))]
}

/// Makes the target volumes the app's own.
pub(super) fn settles(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let settle = |claim: &MovedClaim<'_>| {
        let (slot, name) = (claim.slot.clone(), claim.seen.name.clone());
        let step = SettleTarget { slot, namespace: choice.namespace(), claim: name, policy: target_policy(choice, claim) };
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
