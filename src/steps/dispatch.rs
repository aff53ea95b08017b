//! From a step of a plan to what does it: the one list of all steps in this room.

use serde_json::Value;

use super::act::Act;
use super::failure::StepError;
use super::mover;
use super::standing::Standing;
use super::world::World;
use crate::plan::Step;

macro_rules! each {
    ($step:expr, $one:ident => $call:expr) => {
        match $step {
            Step::PinReclaim($one) => $call,
            Step::PinRetention($one) => $call,
            Step::ReopenVolume($one) => $call,
            Step::ReserveTarget($one) => $call,
            Step::StartMover($one) => $call,
            Step::AwaitMover($one) => $call,
            Step::PinTarget($one) => $call,
            Step::WarmCopy($one) => $call,
            Step::Drain($one) => $call,
            Step::ClearPods($one) => $call,
            Step::RemovePod($one) => $call,
            Step::LastPass($one) => $call,
            Step::StopMover($one) => $call,
            Step::RemoveSet($one) => $call,
            Step::ReleaseClaim($one) => $call,
            Step::ReleaseStaging($one) => $call,
            Step::BindTarget($one) => $call,
            Step::AdoptClaim($one) => $call,
            Step::RestoreSet($one) => $call,
            Step::RestorePod($one) => $call,
            Step::ScaleUp($one) => $call,
            Step::AwaitReady($one) => $call,
            Step::RestoreRetention($one) => $call,
            Step::SettleTarget($one) => $call,
        }
    };
}

/// Whether what a step had movers do is known to those that will make the last pass.
///
/// # Errors
///
/// See [`StepError`].
pub async fn is_known_to_movers(step: &Step, world: &World) -> Result<bool, StepError> {
    each!(step, one => one.is_known_to_movers(world).await)
}

/// Tells every mover of the run that its engine is still there. Best effort: a mover that hears nothing for a quarter of an hour ends by itself.
pub async fn beat(world: &World) {
    for pod in world.movers.names() {
        drop(mover::beat(world, &pod).await);
    }
}

/// Compares the world with a step's goal.
///
/// # Errors
///
/// See [`StepError`].
pub async fn observe(step: &Step, world: &World) -> Result<Standing, StepError> {
    each!(step, one => one.observe(world).await)
}

/// Compares the world with what it was before a step.
///
/// # Errors
///
/// See [`StepError`].
pub async fn observe_back(step: &Step, world: &World) -> Result<Standing, StepError> {
    each!(step, one => one.observe_back(world).await)
}

/// What of the object that a step takes away is to be noted before.
///
/// # Errors
///
/// See [`StepError`].
pub async fn notes(step: &Step, world: &World) -> Result<Option<Value>, StepError> {
    each!(step, one => one.notes(world).await)
}

/// Has what a step did noticed by those it is for.
///
/// # Errors
///
/// See [`StepError`].
pub async fn remind(step: &Step, world: &World) -> Result<(), StepError> {
    each!(step, one => one.remind(world).await)
}

/// Says what stands in the way of taking a run back, now that this step was begun.
///
/// # Errors
///
/// See [`StepError`].
pub async fn bars_way_back(step: &Step, world: &World) -> Result<Option<String>, StepError> {
    each!(step, one => one.bars_way_back(world).await)
}

/// Whether something in the world bears the marks of this run by a step's doing. Of steps that leave none it is not known.
///
/// # Errors
///
/// See [`StepError`].
pub async fn bears_marks(step: &Step, world: &World) -> Result<bool, StepError> {
    each!(step, one => one.bears_marks(world).await)
}

/// Makes one change towards a step's goal.
///
/// # Errors
///
/// See [`StepError`].
pub async fn act(step: &Step, world: &World) -> Result<(), StepError> {
    each!(step, one => one.act(world).await)
}

/// Makes one change back from a step's goal.
///
/// # Errors
///
/// See [`StepError`].
pub async fn undo(step: &Step, world: &World) -> Result<(), StepError> {
    each!(step, one => one.undo(world).await)
}
