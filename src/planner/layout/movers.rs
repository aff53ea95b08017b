//! The steps of movers: when they start, copy, prove and stop. A unit that is not copied has none.

use super::planned::planned;
use crate::plan::step::{AwaitMover, LastPass, PinTarget, Route, StartMover, StopMover, WarmCopy};
use crate::plan::{End, PlannedStep, Slot, Step};
use crate::planner::choose::{Choice, Unit};
use crate::planner::objects::{MoverEnd, mover_name, mover_pod, movers_of};

/// At most so many warm passes.
const PASSES_MAX: u32 = 8;

/// The movers of what is copied while the app runs.
pub(super) fn early(choice: &Choice<'_>) -> Vec<PlannedStep> {
    warm(choice).flat_map(|unit| starts(choice, unit)).collect()
}

/// The movers of what is copied only now, and those that may have had to wait for the app to stop.
pub(super) fn late(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let cold = choice.units.iter().filter(|unit| !unit.way.is_warm());
    cold.flat_map(|unit| starts(choice, unit)).chain(warm(choice).flat_map(|unit| awaits(choice, unit))).collect()
}

fn warm<'c, 'a>(choice: &'c Choice<'a>) -> impl Iterator<Item = &'c Unit<'a>> {
    choice.units.iter().filter(|unit| unit.way.is_warm())
}

fn starts(choice: &Choice<'_>, unit: &Unit<'_>) -> Vec<PlannedStep> {
    let start = |end: &MoverEnd| {
        let held_by_app = if unit.way.is_warm() && reads(*end) { slots(unit) } else { Vec::new() };
        let (pod, at) = (mover_name(choice.request, unit, *end), if reads(*end) { End::Source } else { End::Target });
        let step = StartMover { pod, end: at, held_by_app, manifest: mover_pod(choice, unit, *end) };
        planned(&step.pod.clone(), choice.request.start_secs_max, Step::StartMover(step))
    };
    movers_of(unit).iter().map(start).collect()
}

fn awaits(choice: &Choice<'_>, unit: &Unit<'_>) -> Vec<PlannedStep> {
    let wait = |end: &MoverEnd| {
        let pod = mover_name(choice.request, unit, *end);
        planned(&pod.clone(), choice.request.start_secs_max, Step::AwaitMover(AwaitMover { pod }))
    };
    movers_of(unit).iter().filter(|end| reads(**end)).map(wait).collect()
}

/// Whether a mover mounts source volumes, which the app may hold.
fn reads(end: MoverEnd) -> bool {
    match end {
        MoverEnd::Both | MoverEnd::Source => true,
        MoverEnd::Target => false,
    }
}

fn slots(unit: &Unit<'_>) -> Vec<Slot> {
    unit.claims.iter().map(|claim| claim.slot.clone()).collect()
}

fn route(choice: &Choice<'_>, unit: &Unit<'_>) -> Route {
    let name = |end| mover_name(choice.request, unit, end);
    let over_network = unit.way.is_over_network();
    Route {
        source_pod: name(if over_network { MoverEnd::Source } else { MoverEnd::Both }),
        target_pod: over_network.then(|| name(MoverEnd::Target)),
        slots: slots(unit),
        bytes_per_second_max: choice.request.bytes_per_second_max,
        throttle: choice.request.throttle,
    }
}

/// Copies beside the running app.
pub(super) fn warm_copies(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let request = choice.request;
    let copy = |unit: &Unit<'_>| {
        let step = WarmCopy {
            route: route(choice, unit),
            last_pass_ms_max: request.last_pass_secs_max.saturating_mul(1000),
            passes_max: PASSES_MAX,
            insist: request.insist,
        };
        planned(&unit.number.to_string(), request.copy_secs_max, Step::WarmCopy(step))
    };
    warm(choice).map(copy).collect()
}

/// The last passes, and beside them the new volumes are pinned.
pub(super) fn proofs(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let request = choice.request;
    if !request.copies() {
        return Vec::new();
    }
    let pass =
        |unit: &Unit<'_>| planned(&unit.number.to_string(), request.copy_secs_max, Step::LastPass(LastPass { route: route(choice, unit) }));
    let pins = choice.claims().filter(|claim| claim.kept.is_none()).map(|claim| {
        let step = PinTarget { slot: claim.slot.clone() };
        planned(&claim.seen.name, request.start_secs_max, Step::PinTarget(step))
    });
    choice.units.iter().map(pass).chain(pins).collect()
}

/// All movers go: even a completed one holds its claims.
pub(super) fn stops(choice: &Choice<'_>) -> Vec<PlannedStep> {
    let stop = |unit, end| {
        let pod = mover_name(choice.request, unit, end);
        planned(&pod.clone(), choice.request.stop_secs_max, Step::StopMover(StopMover { pod }))
    };
    choice.units.iter().flat_map(|unit| movers_of(unit).iter().map(move |end| stop(unit, *end))).collect()
}
