//! What each step of a plan does: look, act, take back.
//!
//! One file a step, all of one shape (the most typical is [`pin_reclaim`]). `observe` compares the world with the step's goal and
//! is asked in both directions; `act` and `undo` make **at most one** change a call, always with a precondition, and are called
//! again until `observe` says that they are through. Nothing here prints, sleeps or retries: that is the engine's.

mod adopt_claim;
mod attachments;
mod await_mover;
mod await_ready;
mod before_stop;
mod bind_target;
mod clear_pods;
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

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::cluster::{ApiError, Connection};
use crate::contract::orders::VolumeReport;
use crate::journal::{Evidence, RunState};
use crate::plan::{ASSUMED_BYTES_PER_SECOND, Plan, RunId, Step, shape};

pub use attachments::detached;
pub use before_stop::{before_stop, rehearse};
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
    /// How long a last pass may take at most by the user's word, in milliseconds, even if it was to be shorter.
    pub accepted_outage_ms: Option<u64>,
    /// How long a copy of all volumes while the app is stopped is assumed to take, in milliseconds.
    pub whole_copy_ms: u64,
    /// What others have written to the metadata of the stateful set since the plan was made, as it was when the set was deleted: a merge patch.
    noted: Mutex<Option<Value>>,
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
            accepted_outage_ms: plan.request.accept_outage_secs.map(|secs| secs.saturating_mul(1000)),
            whole_copy_ms: whole_copy_ms(plan),
            noted: Mutex::default(),
        }
    }
}

impl World {
    /// Takes from a journal what was noted of the set.
    pub(crate) fn recall(&self, state: &RunState) {
        if let Some((_, metadata)) = state.noted().last() {
            self.note(metadata.clone());
        }
    }

    /// Whether exactly this is noted of the set; nothing is the same as no change.
    pub(crate) fn has_noted(&self, metadata: &Value) -> bool {
        match self.noted().as_ref() {
            Some(noted) => noted == metadata,
            None => metadata.as_object().is_some_and(Map::is_empty),
        }
    }

    pub(crate) fn note(&self, metadata: Value) {
        *self.noted() = Some(metadata);
    }

    fn noted(&self) -> MutexGuard<'_, Option<Value>> {
        self.noted.lock().expect("no code panics while holding this lock")
    }

    /// Whether the user accepts that everything is copied while the app is stopped.
    fn accepts_whole_copy(&self) -> bool {
        self.accepted_outage_ms.is_some_and(|accepted| accepted >= self.whole_copy_ms)
    }

    /// How a run is gone on with by somebody who accepts a longer outage, with room to spare beyond what is predicted.
    fn consent(&self, predicted_ms: u64) -> String {
        let minutes = predicted_ms.saturating_mul(2).div_ceil(60_000).max(1);
        let (run, namespace) = (&self.run, &self.namespace);
        format!("accept a longer outage: kubectl stateful execute --resume {run} -n {namespace} --accept-outage {minutes}m")
    }

    /// A set that is made again, with what others have written to its metadata since the plan was made.
    fn as_noted(&self, manifest: &Value) -> Value {
        self.noted().as_ref().map_or_else(|| manifest.clone(), |noted| shape::with_metadata(manifest, noted))
    }
}

/// See [`World::whole_copy_ms`]. How much of a volume is used a plan does not say, so that it counts whole.
fn whole_copy_ms(plan: &Plan) -> u64 {
    let bytes = plan.moves.iter().map(|one| one.capacity_bytes).fold(0, u64::saturating_add);
    let speed = plan.request.bytes_per_second_max.unwrap_or(ASSUMED_BYTES_PER_SECOND).clamp(1, ASSUMED_BYTES_PER_SECOND);
    (bytes / speed).saturating_mul(1000)
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
        /// What may come to a better end.
        remedy: Remedy,
    },
}

/// What may come to a better end after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The same plan, tried again: what was copied so far is of use.
    SamePlan,
    /// Another plan only: this target cannot hold the data.
    AnotherPlan,
    /// The same plan, once the user accepts a longer outage.
    Consent,
}

impl StepError {
    fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), hint: None, remedy: Remedy::SamePlan }
    }

    fn hinted(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), hint: Some(hint.into()), remedy: Remedy::SamePlan }
    }

    /// A failure that the user's consent to a longer outage would mend.
    fn wants_consent(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), hint: Some(hint.into()), remedy: Remedy::Consent }
    }

    /// The same failure, of a target that cannot hold the data.
    fn for_good(self) -> Self {
        match self {
            Self::Failed { why, hint, .. } => Self::Failed { why, hint, remedy: Remedy::AnotherPlan },
            api @ Self::Api(_) => api,
        }
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

    /// What of the object that this step takes away is to be noted before: a merge patch of its metadata; none: nothing.
    async fn notes(&self, world: &World) -> Result<Option<Value>, StepError> {
        let _ = world;
        Ok(None)
    }

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

/// Whether a warm copy is known to the movers that will make the last pass; of other steps there is nothing to know.
///
/// # Errors
///
/// See [`StepError`].
pub async fn is_known_to_movers(step: &Step, world: &World) -> Result<bool, StepError> {
    match step {
        Step::WarmCopy(copy) => copy.is_known_to_movers(world).await,
        _ => Ok(true),
    }
}

/// Tells every mover of the run that its engine is still there. Best effort: a mover that hears nothing for a quarter of an hour ends by itself.
pub async fn beat(world: &World) {
    for pod in world.movers.names() {
        drop(copy::beat(world, &world.namespace, &pod).await);
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
