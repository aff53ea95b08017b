//! What each step of a plan does: look, act, take back.
//!
//! One file a step, all of one shape (the most typical is [`pin_reclaim`]). `observe` compares the world with the step's goal and
//! is asked in both directions; `act` and `undo` make **at most one** change a call, always with a precondition, and are called
//! again until `observe` says that they are through. Nothing here prints, sleeps or retries: that is the engine's.

mod adopt_claim;
mod await_mover;
mod await_ready;
mod bind_target;
mod copy;
mod drain;
mod last_pass;
mod look;
mod movers;
mod pin_reclaim;
mod pin_retention;
mod pin_target;
mod release_claim;
mod release_staging;
mod remove_pod;
mod remove_set;
mod reopen_volume;
mod reserve_target;
mod restore_pod;
mod restore_retention;
mod restore_set;
mod scale_up;
mod settle_target;
mod start_mover;
mod stop_mover;
mod warm_copy;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::cluster::{ApiError, Connection};
use crate::journal::Evidence;
use crate::mover::orders::VolumeReport;
use crate::plan::{Plan, RunId, Step};

pub use movers::Movers;
pub use warm_copy::{Verdict, judge_passes};

/// What steps work on: two connections, which are one and the same unless the app moves to another cluster.
pub struct World {
    /// Where the app is.
    pub source: Connection,
    /// Where it goes.
    pub target: Connection,
    /// The namespace of the run.
    pub namespace: String,
    /// The run all objects of ours belong to, within that namespace.
    pub run: RunId,
    /// The digest of its plan, which the volumes it pins bear.
    pub plan_digest: String,
    /// Its mover pods.
    pub movers: Movers,
}

impl World {
    /// The world of a run that stays within one cluster.
    pub fn within(cluster: &Connection, plan: &Plan) -> Self {
        Self {
            source: cluster.clone(),
            target: cluster.clone(),
            namespace: plan.namespace().to_owned(),
            run: plan.run().clone(),
            plan_digest: plan.digest(),
            movers: Movers::of(plan),
        }
    }
}

/// How the world compares with a step's goal.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// As before the step.
    Before,
    /// Neither yet: it is being changed, by us or because of us.
    Underway(Progress),
    /// As after the step.
    After(Evidence),
    /// As neither, because of somebody else. Says what was found and who did it.
    Adrift(String),
}

/// What a step is waiting for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// In words, to follow "waiting for".
    pub waiting_for: String,
    /// How far copies are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<VolumeReport>,
    /// Where what was done has not been noticed by those it is for: for how long that may be before they are reminded of it.
    #[serde(skip)]
    pub remind_after: Option<Duration>,
    /// Where who works on it tells how far it is, in `volumes`: for how long it may tell nothing new before it is given up.
    #[serde(skip)]
    pub lost_after: Option<Duration>,
}

impl Standing {
    fn waiting_for(what: impl Into<String>) -> Self {
        Self::Underway(Progress { waiting_for: what.into(), ..Progress::default() })
    }

    fn done(note: impl Into<String>) -> Self {
        Self::After(Evidence::note(note))
    }
}

/// Why a step cannot be looked at, done or taken back.
#[derive(Debug, Error)]
pub enum StepError {
    /// The API said so.
    #[error("{0}")]
    Api(#[from] ApiError),
    /// It will not come right by itself.
    #[error("{why}")]
    Failed {
        /// Why, as a sentence fragment.
        why: String,
        /// What can be done about it.
        hint: Option<String>,
    },
}

impl StepError {
    fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), hint: None }
    }

    fn hinted(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), hint: Some(hint.into()) }
    }
}

/// The one shape of all steps.
trait Act {
    /// Compares the world with the goal.
    async fn observe(&self, world: &World) -> Result<Standing, StepError>;

    /// As [`Act::observe`], asked while going back: what somebody else made of it since may be as good as before.
    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        self.observe(world).await
    }

    /// Makes one change towards the goal. Called from [`Standing::Before`] only.
    async fn act(&self, world: &World) -> Result<(), StepError>;

    /// Has what was done noticed by those it is for; changes nothing else. Called after [`Progress::remind_after`].
    async fn remind(&self, world: &World) -> Result<(), StepError> {
        let _ = world;
        Ok(())
    }

    /// What stands in the way of taking the run back, now that this step was begun; none: nothing.
    async fn bars_way_back(&self, world: &World) -> Result<Option<String>, StepError> {
        let _ = world;
        Ok(None)
    }

    /// Whether something bears the marks of this run by this step's doing.
    async fn bears_marks(&self, world: &World) -> Result<bool, StepError> {
        let _ = world;
        Ok(false)
    }

    /// Makes one change back. Called from [`Standing::Underway`] and [`Standing::After`] only, and only for steps of which
    /// [`Step::undoes`] says something.
    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let _ = world;
        Ok(())
    }
}

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
