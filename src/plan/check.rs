//! The lint of every plan that was made or loaded: what must hold for it to be safe, whoever wrote it.
//!
//! It does not know why a step is there, only what must never come before what. The rules are those by which volume
//! migrations lose data when they break them; see `docs/safety.md`. What a plan may name at all is looked at in `scope`.

use std::collections::BTreeSet;

use super::{Plan, PlannedStep, Rung, Step, scope};

/// Returns what is wrong with a plan, in the order of its steps; empty: nothing.
pub fn faults(plan: &Plan) -> Vec<String> {
    let mut faults = Vec::new();
    unique_names(plan, &mut faults);
    known_guards(plan, &mut faults);
    pinned_before_released(plan, &mut faults);
    proven_before_released(plan, &mut faults);
    stopped_before_released(plan, &mut faults);
    reserved_before_adopted(plan, &mut faults);
    restored_after_removed(plan, &mut faults);
    faults.extend(scope::faults(plan));
    faults
}

fn unique_names(plan: &Plan, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (_, step) in plan.steps() {
        if !seen.insert(&step.id) {
            faults.push(format!("two steps are named `{}`", step.id));
        }
    }
    if plan.stages.iter().any(|stage| stage.steps.is_empty()) {
        faults.push("a stage has no steps".to_owned());
    }
}

fn known_guards(plan: &Plan, faults: &mut Vec<String>) {
    for (index, step) in plan.steps() {
        if step.guarded_until.is_some_and(|until| until <= index || until > plan.stages.len()) {
            faults.push(format!("step `{}` is guarded until a stage that is not after it", step.id));
        }
    }
}

/// The stage of the first step that a predicate picks.
fn stage_of(plan: &Plan, picks: impl Fn(&Step) -> bool) -> Option<usize> {
    plan.steps().find(|(_, step)| picks(&step.step)).map(|(stage, _)| stage)
}

fn before(found: Option<usize>, stage: usize) -> bool {
    found.is_some_and(|found| found < stage)
}

fn released(plan: &Plan) -> impl Iterator<Item = (usize, &PlannedStep, &super::step::ReleaseClaim)> {
    plan.steps().filter_map(|(stage, planned)| match &planned.step {
        Step::ReleaseClaim(step) => Some((stage, planned, step)),
        _ => None,
    })
}

/// Both volumes are on `Retain` before the first of their claims is deleted.
fn pinned_before_released(plan: &Plan, faults: &mut Vec<String>) {
    for (stage, planned, claim) in released(plan) {
        let source = stage_of(plan, |step| matches!(step, Step::PinReclaim(pin) if pin.slot == claim.slot && pin.volume == claim.volume));
        let target = stage_of(plan, |step| match step {
            Step::PinTarget(pin) => pin.slot == claim.slot,
            Step::ReopenVolume(open) => open.slot == claim.slot,
            _ => false,
        });
        if !before(source, stage) || !before(target, stage) {
            faults.push(format!("step `{}` deletes claim {} before both its volumes are pinned", planned.id, claim.name));
        }
    }
}

/// A claim is deleted only after the copy of its volume was proven, unless the plan says that nothing is copied.
fn proven_before_released(plan: &Plan, faults: &mut Vec<String>) {
    for (stage, planned, claim) in released(plan) {
        let rebound = plan.moves.iter().any(|one| one.slot == claim.slot && one.rung == Rung::Rebind);
        let proven = stage_of(plan, |step| match step {
            Step::LastPass(pass) => pass.route.volumes.iter().any(|volume| volume.name == claim.slot),
            _ => false,
        });
        if !rebound && !before(proven, stage) {
            faults.push(format!("step `{}` deletes claim {} before its copy is proven", planned.id, claim.name));
        }
    }
}

/// Before claims are deleted the app is stopped, a stateful set is out of their reach, and every mover is gone.
fn stopped_before_released(plan: &Plan, faults: &mut Vec<String>) {
    for (stage, planned, claim) in released(plan) {
        let kind = plan.app.kind;
        let drained = stage_of(plan, |step| match step {
            Step::Drain(drain) => drain.claims.contains(&claim.name),
            Step::RemovePod(pod) => pod.claims.contains(&claim.name),
            _ => false,
        });
        let runs = kind != crate::survey::AppKind::Claim && plan.app.replicas > 0;
        if runs && !before(drained, stage) {
            faults.push(format!("step `{}` deletes claim {} while the app may run", planned.id, claim.name));
        }
        for (_, step) in plan.steps() {
            let Step::StartMover(start) = &step.step else { continue };
            let stopped = stage_of(plan, |step| matches!(step, Step::StopMover(stop) if stop.pod == start.pod));
            if !before(stopped, stage) {
                faults.push(format!("step `{}` deletes claim {} before mover {} is gone", planned.id, claim.name, start.pod));
            }
        }
    }
}

/// A volume is reserved for a name before the claim of that name is created, and after the old one is gone.
fn reserved_before_adopted(plan: &Plan, faults: &mut Vec<String>) {
    for (stage, planned) in plan.steps() {
        let Step::AdoptClaim(claim) = &planned.step else { continue };
        let bound = stage_of(plan, |step| matches!(step, Step::BindTarget(bind) if bind.slot == claim.slot && bind.claim == claim.name));
        let gone = stage_of(plan, |step| matches!(step, Step::ReleaseClaim(old) if old.slot == claim.slot && old.name == claim.name));
        if !before(bound, stage) || !before(gone, stage) {
            faults.push(format!("step `{}` creates claim {} before its volume is reserved for it", planned.id, claim.name));
        }
    }
}

/// What was removed or scaled away comes back.
fn restored_after_removed(plan: &Plan, faults: &mut Vec<String>) {
    for (stage, planned) in plan.steps() {
        let back = stage_of(plan, |step| match (&planned.step, step) {
            (Step::RemoveSet(gone), Step::RestoreSet(back)) => gone.name == back.name,
            (Step::RemovePod(gone), Step::RestorePod(back)) => gone.name == back.name,
            (Step::Drain(gone), Step::ScaleUp(back)) => gone.name == back.name && gone.replicas == back.replicas,
            (Step::Drain(gone), Step::RestoreSet(back)) => {
                gone.name == back.name && back.manifest["spec"]["replicas"].as_u64() == Some(u64::from(gone.replicas))
            }
            _ => false,
        });
        let removes = matches!(planned.step, Step::RemoveSet(_) | Step::RemovePod(_) | Step::Drain(_));
        if removes && back.is_none_or(|back| back <= stage) {
            faults.push(format!("step `{}` stops the app and nothing starts it again", planned.id));
        }
    }
}
