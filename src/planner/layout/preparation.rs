//! The steps before the app is stopped, but for those of movers. All of them are additive.

use super::planned::{API_SECS, planned};
use crate::plan::step::{ClearPods, PinReclaim, ReopenVolume, ReserveTarget};
use crate::plan::{Destination, PlannedStep, Step};
use crate::planner::choose::{Choice, MovedClaim};
use crate::planner::objects::{staging_claim, staging_claim_on};
use crate::survey::AppKind;

/// First of all, and alone: by the source volumes a run is known to have begun.
pub(super) fn pins(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let pin = |claim: &MovedClaim<'_>| {
        let step = PinReclaim { slot: claim.slot.clone(), policy_before: claim.volume().reclaim_policy.clone() };
        planned(&claim.seen.name, API_SECS, Step::PinReclaim(step))
    };
    choice.claims().map(pin).collect()
}

/// Kept volumes are taken up by the staging claims.
pub(super) fn reopens(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let reopen = |claim: &MovedClaim<'_>| {
        let kept = claim.kept?;
        let (slot, claim_ref_before) = (claim.slot.clone(), kept.claim_ref.clone());
        let step = ReopenVolume { slot, claim_ref_before, labels_before: kept.labels.clone() };
        Some(planned(&claim.seen.name, API_SECS, Step::ReopenVolume(step)))
    };
    choice.claims().filter_map(reopen).collect()
}

/// The staging claims, wherever something is copied.
pub(super) fn reserves(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let deadline_secs = choice.request.start_secs_max;
    let reserve = |claim: &MovedClaim<'_>| planned(&claim.seen.name, deadline_secs, Step::ReserveTarget(reserve(choice, claim)));
    if choice.request.copies() { choice.claims().map(reserve).collect() } else { Vec::new() }
}

fn reserve(choice: &Choice<'_>, claim: &MovedClaim<'_>) -> ReserveTarget {
    let (manifest, binds_at_once) = match (claim.kept, &choice.request.destination) {
        (Some(kept), _) => (staging_claim_on(choice.request, claim, kept), true),
        (None, Destination::StorageClass { name }) => {
            let at_once = choice.class().is_some_and(|class| !class.waits_for_consumer);
            (staging_claim(choice.request, claim, name), at_once)
        }
        (None, Destination::KeptVolumes { .. }) => unreachable!("only claims with a kept volume are moved back"),
    };
    ReserveTarget { slot: claim.slot.clone(), binds_at_once, manifest }
}

/// Pods of the app that are over and still name a claim that is to be deleted.
pub(super) fn clears(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let mut pods: Vec<String> = choice.claims().flat_map(|claim| claim.seen.dead_pods_of_app()).map(|mount| mount.pod.clone()).collect();
    pods.sort_unstable();
    pods.dedup();
    let app = &choice.survey.app;
    if pods.is_empty() || !matches!(app.kind, AppKind::StatefulSet | AppKind::Deployment) {
        return Vec::new();
    }
    vec![planned(&app.name, API_SECS, Step::ClearPods(ClearPods { pods }))]
}
