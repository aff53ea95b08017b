//! The lint of every plan that was made or loaded: what must hold for it to be safe, whoever wrote it.
//!
//! It does not know why a step is there, only what must never come before what. The rules are those by which volume
//! migrations lose data when they break them; see `docs/safety.md`. What a plan may name at all is looked at in `scope`.

use std::collections::{BTreeMap, BTreeSet};

use super::step::Fact;
use super::{Plan, PlannedStep, Rung, Slot, scope};
use crate::survey::AppKind;

/// Returns what is wrong with a plan, in the order of its steps; empty: nothing.
pub fn faults(plan: &Plan) -> Vec<String> {
    let order = Order::of(plan);
    let mut faults = Vec::new();
    unique_names(plan, &mut faults);
    known_guards(plan, &mut faults);
    pinned_before_released(&order, &mut faults);
    proven_before_released(plan, &order, &mut faults);
    stopped_before_released(plan, &order, &mut faults);
    reserved_before_adopted(&order, &mut faults);
    restored_after_removed(&order, &mut faults);
    faults.extend(scope::faults(plan));
    faults
}

/// What the steps of a plan mean for the rules, and when each is first so.
struct Order<'a> {
    facts: Vec<(usize, &'a PlannedStep, Fact<'a>)>,
    first: BTreeMap<Fact<'a>, usize>,
}

impl<'a> Order<'a> {
    fn of(plan: &'a Plan) -> Self {
        let of_step = |(stage, planned): (usize, &'a PlannedStep)| planned.step.facts().into_iter().map(move |fact| (stage, planned, fact));
        let facts: Vec<_> = plan.steps().flat_map(of_step).collect();
        let mut first = BTreeMap::new();
        for (stage, _, fact) in &facts {
            first.entry(*fact).or_insert(*stage);
        }
        Self { facts, first }
    }

    /// Whether something is so before a stage begins.
    fn is_before(&self, fact: Fact<'_>, stage: usize) -> bool {
        self.first.get(&fact).is_some_and(|first| *first < stage)
    }

    /// Each step that deletes a claim, with its stage, and the claim's slot.
    fn released(&self) -> impl Iterator<Item = (usize, &PlannedStep, &'a Slot)> {
        self.facts.iter().filter_map(|(stage, planned, fact)| {
            let Fact::Frees(slot) = *fact else { return None };
            Some((*stage, *planned, slot))
        })
    }
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

/// Both volumes are on `Retain` before the first of their claims is deleted.
fn pinned_before_released(order: &Order<'_>, faults: &mut Vec<String>) {
    for (stage, planned, slot) in order.released() {
        if !order.is_before(Fact::PinsSource(slot), stage) || !order.is_before(Fact::PinsTarget(slot), stage) {
            faults.push(format!("step `{}` deletes the claim in slot {slot} before both its volumes are pinned", planned.id));
        }
    }
}

/// A claim is deleted only after the copy of its volume was proven, unless the plan says that nothing is copied.
fn proven_before_released(plan: &Plan, order: &Order<'_>, faults: &mut Vec<String>) {
    for (stage, planned, slot) in order.released() {
        let rebound = plan.subject().find(slot).is_some_and(|one| one.rung == Rung::Rebind);
        if !rebound && !order.is_before(Fact::Proves(slot), stage) {
            faults.push(format!("step `{}` deletes the claim in slot {slot} before its copy is proven", planned.id));
        }
    }
}

/// Before claims are deleted the app is stopped, a stateful set is out of their reach, and every mover is gone.
fn stopped_before_released(plan: &Plan, order: &Order<'_>, faults: &mut Vec<String>) {
    let runs = plan.app.kind != AppKind::Claim && plan.app.replicas > 0;
    for (stage, planned, slot) in order.released() {
        if runs && !order.is_before(Fact::StopsApp, stage) {
            faults.push(format!("step `{}` deletes the claim in slot {slot} while the app may run", planned.id));
        }
        for (_, _, fact) in &order.facts {
            let Fact::StartsMover(pod) = *fact else { continue };
            if !order.is_before(Fact::StopsMover(pod), stage) {
                faults.push(format!("step `{}` deletes the claim in slot {slot} before mover {pod} is gone", planned.id));
            }
        }
    }
}

/// A volume is reserved for a name before the claim of that name is created, and after the old one is gone.
fn reserved_before_adopted(order: &Order<'_>, faults: &mut Vec<String>) {
    for (stage, planned, fact) in &order.facts {
        let Fact::Adopts(slot) = *fact else { continue };
        let gone = order.released().any(|(gone, _, freed)| freed == slot && gone < *stage);
        if !order.is_before(Fact::Reserves(slot), *stage) || !gone {
            faults.push(format!("step `{}` creates the claim in slot {slot} before its volume is reserved for it", planned.id));
        }
    }
}

/// What was removed or scaled away comes back.
fn restored_after_removed(order: &Order<'_>, faults: &mut Vec<String>) {
    for (stage, planned, fact) in &order.facts {
        let Fact::Takes(part) = *fact else { continue };
        if order.first.get(&Fact::GivesBack(part)).is_none_or(|back| back <= stage) {
            faults.push(format!("step `{}` stops the app and nothing starts it again", planned.id));
        }
    }
}
