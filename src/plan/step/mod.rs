//! The steps a plan is made of: a closed list, one file for each kind of change. It holds the parameters, words, flags and guard of its step.
//!
//! A step holds what differs from step to step: the slot of its claim, the values it will write and those it will put back. What is the same
//! for all of them, the app and both ends of each claim, stands once in the plan. At which end a step works is a matter of its kind. What it
//! does is in the room `steps`. It is a file format: see [`API_VERSION`](super::API_VERSION).

mod adopt_claim;
mod await_mover;
mod await_ready;
mod bind_target;
mod clear_pods;
mod drain;
mod fact;
mod last_pass;
mod parameters;
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
mod route;
mod scale_up;
mod settle_target;
mod start_mover;
mod stop_mover;
mod warm_copy;

use serde::{Deserialize, Serialize};

pub use adopt_claim::AdoptClaim;
pub use await_mover::AwaitMover;
pub use await_ready::AwaitReady;
pub use bind_target::BindTarget;
pub use clear_pods::ClearPods;
pub use drain::Drain;
pub use fact::{AppPart, Fact};
pub use last_pass::LastPass;
pub use parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
pub use pin_reclaim::PinReclaim;
pub use pin_retention::PinRetention;
pub use pin_target::PinTarget;
pub use release_claim::ReleaseClaim;
pub use release_staging::ReleaseStaging;
pub use remove_pod::RemovePod;
pub use remove_set::RemoveSet;
pub use reopen_volume::ReopenVolume;
pub use reserve_target::ReserveTarget;
pub use restore_pod::RestorePod;
pub use restore_retention::RestoreRetention;
pub use restore_set::RestoreSet;
pub use route::Route;
pub use scale_up::ScaleUp;
pub use settle_target::SettleTarget;
pub use start_mover::StartMover;
pub use stop_mover::StopMover;
pub use warm_copy::WarmCopy;

use super::subject::Subject;

/// One change. See each parameter set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "does")]
pub enum Step {
    /// See [`PinReclaim`].
    PinReclaim(PinReclaim),
    /// See [`PinRetention`].
    PinRetention(PinRetention),
    /// See [`ReopenVolume`].
    ReopenVolume(ReopenVolume),
    /// See [`ReserveTarget`].
    ReserveTarget(ReserveTarget),
    /// See [`StartMover`].
    StartMover(StartMover),
    /// See [`AwaitMover`].
    AwaitMover(AwaitMover),
    /// See [`PinTarget`].
    PinTarget(PinTarget),
    /// See [`WarmCopy`].
    WarmCopy(WarmCopy),
    /// See [`Drain`].
    Drain(Drain),
    /// See [`ClearPods`].
    ClearPods(ClearPods),
    /// See [`RemovePod`].
    RemovePod(RemovePod),
    /// See [`LastPass`].
    LastPass(LastPass),
    /// See [`StopMover`].
    StopMover(StopMover),
    /// See [`RemoveSet`].
    RemoveSet(RemoveSet),
    /// See [`ReleaseClaim`].
    ReleaseClaim(ReleaseClaim),
    /// See [`ReleaseStaging`].
    ReleaseStaging(ReleaseStaging),
    /// See [`BindTarget`].
    BindTarget(BindTarget),
    /// See [`AdoptClaim`].
    AdoptClaim(AdoptClaim),
    /// See [`RestoreSet`].
    RestoreSet(RestoreSet),
    /// See [`RestorePod`].
    RestorePod(RestorePod),
    /// See [`ScaleUp`].
    ScaleUp(ScaleUp),
    /// See [`AwaitReady`].
    AwaitReady(AwaitReady),
    /// See [`RestoreRetention`].
    RestoreRetention(RestoreRetention),
    /// See [`SettleTarget`].
    SettleTarget(SettleTarget),
}

impl Step {
    /// Returns what the step says of itself.
    fn parameters(&self) -> &dyn Parameters {
        match self {
            Self::PinReclaim(step) => step,
            Self::PinRetention(step) => step,
            Self::ReopenVolume(step) => step,
            Self::ReserveTarget(step) => step,
            Self::StartMover(step) => step,
            Self::AwaitMover(step) => step,
            Self::PinTarget(step) => step,
            Self::WarmCopy(step) => step,
            Self::Drain(step) => step,
            Self::ClearPods(step) => step,
            Self::RemovePod(step) => step,
            Self::LastPass(step) => step,
            Self::StopMover(step) => step,
            Self::RemoveSet(step) => step,
            Self::ReleaseClaim(step) => step,
            Self::ReleaseStaging(step) => step,
            Self::BindTarget(step) => step,
            Self::AdoptClaim(step) => step,
            Self::RestoreSet(step) => step,
            Self::RestorePod(step) => step,
            Self::ScaleUp(step) => step,
            Self::AwaitReady(step) => step,
            Self::RestoreRetention(step) => step,
            Self::SettleTarget(step) => step,
        }
    }

    /// What the step does to the app and claims of its plan, as a verb phrase without a period.
    pub fn does(&self, subject: Subject<'_>) -> String {
        self.parameters().does(subject)
    }

    /// How the step is undone, as a verb phrase; none where nothing has to be undone.
    pub fn undoes(&self, subject: Subject<'_>) -> Option<String> {
        self.parameters().undoes(subject)
    }

    /// A short word for step names.
    pub fn word(&self) -> &'static str {
        self.parameters().word()
    }

    /// Until when what the step did must stay as it is.
    pub fn guard(&self) -> Guard {
        self.parameters().traits().guard
    }

    /// Whether the app may write to the target once this step was begun: it is started, or the volume is made its own for good.
    pub fn lets_app_write(&self) -> bool {
        matches!(self.parameters().traits().app_effect, AppEffect::Starts | AppEffect::LetsWrite)
    }

    /// Whether the step starts the app on the target.
    pub fn starts_app(&self) -> bool {
        self.parameters().traits().app_effect == AppEffect::Starts
    }

    /// Whether the step stops the app.
    pub fn stops_app(&self) -> bool {
        self.parameters().traits().app_effect == AppEffect::Stops
    }

    /// Whether the app is up once this step is done.
    pub fn sees_app_ready(&self) -> bool {
        self.parameters().traits().app_effect == AppEffect::SeesReady
    }

    /// Whether a stopped app may be started on its source only when this step is taken back, whoever did what it does.
    pub fn must_be_taken_back(&self) -> bool {
        self.parameters().traits().undo_order == UndoOrder::BeforeAppStarts
    }

    /// Whether the app is started on its source before the step is seen to be taken back.
    pub fn may_linger(&self) -> bool {
        self.parameters().traits().undo_order == UndoOrder::MayLinger
    }

    /// Whether what the step did may get lost without anybody meaning it, and is then done again.
    pub fn is_renewed(&self) -> bool {
        self.parameters().traits().loss == Loss::Renewed
    }

    /// What the step means for the rules that every plan has to keep.
    pub fn facts(&self) -> Vec<Fact<'_>> {
        self.parameters().facts()
    }
}
