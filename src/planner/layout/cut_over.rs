//! The steps by which the app is stopped and its claims are swapped, but for those of movers.

use super::planned::{API_SECS, planned};
use super::retention::retention;
use crate::plan::step::{AdoptClaim, BindTarget, Drain, ReleaseClaim, ReleaseStaging, RemovePod, RemoveSet};
use crate::plan::{PlannedStep, Step};
use crate::planner::choose::{Choice, MovedClaim};
use crate::planner::objects::{adopted_claim, pod_again, released_claim, set_again};
use crate::survey::{AppKind, AppSeen};

/// What a plain pod gets to stop when its spec does not say (Kubernetes' default).
const GRACE_SECS: u64 = 30;

/// Stops the app, if it runs.
pub(super) fn drains(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let app = &choice.survey.app;
    if !choice.app_runs() {
        return Vec::new();
    }
    let step = match app.kind {
        AppKind::Claim => return Vec::new(),
        AppKind::Pod => Step::RemovePod(RemovePod { manifest_before: pod_again(&app.raw) }),
        AppKind::StatefulSet | AppKind::Deployment => Step::Drain(Drain {}),
    };
    vec![planned(&app.name, grace_secs(app).saturating_add(choice.request.stop_secs_max), step)]
}

/// What the app's pods get to stop; under `OrderedReady` they stop one after another.
fn grace_secs(app: &AppSeen) -> u64 {
    let spec = app.raw.pointer("/spec/template/spec").or_else(|| app.raw.get("spec"));
    let grace = spec.and_then(|spec| spec["terminationGracePeriodSeconds"].as_u64()).unwrap_or(GRACE_SECS);
    let one_by_one = app.kind == AppKind::StatefulSet && app.raw["spec"]["podManagementPolicy"] != "Parallel";
    if one_by_one { grace * u64::from(app.replicas) } else { grace }
}

/// Removes the set, where it has to be made again.
pub(super) fn removal(choice: &Choice<'_>) -> Option<PlannedStep> {
    let app = &choice.survey.app;
    choice.remakes_set().then(|| {
        let step = RemoveSet { manifest_before: set_again(&app.raw, 0, retention(choice.survey).is_some(), |_| None) };
        planned(&app.name, API_SECS, Step::RemoveSet(step))
    })
}

/// Frees the names of the claims, and the target volumes of their staging claims.
pub(super) fn releases(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let deadline_secs = choice.request.stop_secs_max;
    let mut steps = Vec::new();
    for claim in choice.claims() {
        let release = ReleaseClaim { slot: claim.slot.clone(), manifest_before: released_claim(claim.seen) };
        steps.push(planned(&claim.seen.name, deadline_secs, Step::ReleaseClaim(release)));
        if choice.request.copies() {
            let release = ReleaseStaging { slot: claim.slot.clone() };
            steps.push(planned(&claim.seen.name, deadline_secs, Step::ReleaseStaging(release)));
        }
    }
    steps
}

/// Reserves the target volumes for the claims' own names.
pub(super) fn binds(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let bind = |claim: &MovedClaim<'_>| {
        let step = BindTarget { slot: claim.slot.clone() };
        planned(&claim.seen.name, API_SECS, Step::BindTarget(step))
    };
    choice.claims().map(bind).collect()
}

/// Makes the claims on their target volumes.
pub(super) fn adopts(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let adopt = |claim: &MovedClaim<'_>| {
        let step = AdoptClaim { slot: claim.slot.clone(), manifest: adopted_claim(claim) };
        planned(&claim.seen.name, API_SECS, Step::AdoptClaim(step))
    };
    choice.claims().map(adopt).collect()
}
