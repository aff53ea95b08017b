//! The steps by which the app is stopped and its claims are swapped, but for those of movers.

use super::planned::{API_SECS, planned};
use super::retention::retention;
use crate::plan::shape::shape;
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
    let (claims, namespace) = (choice.claim_names(), choice.namespace());
    let (name, uid) = (app.name.clone(), app.uid.clone());
    let step = match app.kind {
        AppKind::Claim => return Vec::new(),
        AppKind::Pod => Step::RemovePod(RemovePod { namespace, name, uid, claims, manifest_before: pod_again(&app.raw) }),
        kind @ (AppKind::StatefulSet | AppKind::Deployment) => {
            let shape = (kind == AppKind::StatefulSet).then(|| shape(&app.raw));
            Step::Drain(Drain { kind, namespace, name, uid, replicas: app.replicas, shape, claims })
        }
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
        let step = RemoveSet {
            namespace: choice.namespace(),
            name: app.name.clone(),
            uid: app.uid.clone(),
            shape: shape(&app.raw),
            manifest_before: set_again(&app.raw, 0, retention(choice.survey).is_some(), |_| None),
        };
        planned(&app.name, API_SECS, Step::RemoveSet(step))
    })
}

/// Frees the names of the claims, and the target volumes of their staging claims.
pub(super) fn releases(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let deadline_secs = choice.request.stop_secs_max;
    let mut steps = Vec::new();
    for claim in choice.claims() {
        steps.push(planned(&claim.seen.name, deadline_secs, Step::ReleaseClaim(release(choice, claim))));
        if choice.request.copies() {
            let (slot, staging) = (claim.slot.clone(), claim.staging.clone());
            let step = ReleaseStaging { slot, namespace: choice.namespace(), staging };
            steps.push(planned(&claim.seen.name, deadline_secs, Step::ReleaseStaging(step)));
        }
    }
    steps
}

fn release(choice: &Choice<'_>, claim: &MovedClaim<'_>) -> ReleaseClaim {
    let (app, volume) = (&choice.survey.app, claim.volume());
    ReleaseClaim {
        slot: claim.slot.clone(),
        namespace: choice.namespace(),
        name: claim.seen.name.clone(),
        uid: claim.seen.uid.clone(),
        volume: volume.name.clone(),
        volume_uid: volume.uid.clone(),
        app: format!("{}/{}", app.kind.word(), app.name),
        manifest_before: released_claim(claim.seen),
    }
}

/// Reserves the target volumes for the claims' own names.
pub(super) fn binds(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let bind = |claim: &MovedClaim<'_>| {
        let (slot, name, staging) = (claim.slot.clone(), claim.seen.name.clone(), claim.staging.clone());
        let step = BindTarget { slot, namespace: choice.namespace(), claim: name, staging };
        planned(&claim.seen.name, API_SECS, Step::BindTarget(step))
    };
    choice.claims().map(bind).collect()
}

/// Makes the claims on their target volumes.
pub(super) fn adopts(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let adopt = |claim: &MovedClaim<'_>| {
        let (slot, name) = (claim.slot.clone(), claim.seen.name.clone());
        let step = AdoptClaim { slot, namespace: choice.namespace(), name, manifest: adopted_claim(claim) };
        planned(&claim.seen.name, API_SECS, Step::AdoptClaim(step))
    };
    choice.claims().map(adopt).collect()
}
