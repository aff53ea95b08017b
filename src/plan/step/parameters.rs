//! What every step says of itself. Nothing has a default: a new step does not compile before all of it is said.
//!
//! What a step does to the world is in the room `steps`; this is what the plan, the engine and people know of it.

use super::fact::Fact;
use crate::plan::subject::Subject;

/// The parameters of a step, with what is the same for each step of its kind.
pub trait Parameters {
    /// Returns a short word for step names.
    fn word(&self) -> &'static str;

    /// Returns what the step does to the app and its claims, as a verb phrase without a period.
    fn does(&self, subject: Subject<'_>) -> String;

    /// Returns how the step is undone, as a verb phrase; none where nothing has to be undone.
    fn undoes(&self, subject: Subject<'_>) -> Option<String>;

    /// Returns what the engine and the layout go by.
    fn traits(&self) -> Traits;

    /// Returns what it means for the rules that every plan has to keep.
    fn facts(&self) -> Vec<Fact<'_>>;
}

/// What the engine and the layout go by. All of it is said by each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Until when its work must stay as it is.
    pub guard: Guard,
    /// What it means for the app.
    pub app_effect: AppEffect,
    /// When it is undone, beside the start of the app on its source.
    pub undo_order: UndoOrder,
    /// What happens when its work gets lost while it is guarded.
    pub loss: Loss,
}

/// Until when what a step did must stay as it is. Each ends with the stage before the one that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Nobody looks again.
    Nothing,
    /// Until the app is stopped.
    UntilStop,
    /// Until the set is removed, or else the app started.
    UntilSetIsRemoved,
    /// Until the set is removed, or else the claims are adopted.
    UntilSetIsRemovedOrAdopted,
    /// Until the claims are released.
    UntilRelease,
    /// Until the claims are released; where none is, to the end.
    UntilReleaseOrEnd,
    /// Until the claims are adopted.
    UntilAdoption,
    /// Until the app is started.
    UntilStart,
    /// Through the start of the app: a claim that is missing when the set comes back is made anew, empty. It ends earlier where the run itself
    /// puts policies back.
    UntilStarted,
}

/// What a step means for the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppEffect {
    /// It neither stops nor starts it.
    Nothing,
    /// It stops it.
    Stops,
    /// It starts it on the target, where it may write once the step was begun.
    Starts,
    /// Once it was begun the app may write to the target, since the volume is its own for good.
    LetsWrite,
    /// Once it is done the app is up.
    SeesReady,
}

/// When a step is undone, beside the start of a stopped app on its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndoOrder {
    /// In the reverse order of the plan.
    AsPlanned,
    /// The app is started only when it is taken back, whoever did what it does.
    BeforeAppStarts,
    /// The app is started before it is seen to be taken back.
    MayLinger,
}

/// What happens when the work of a step gets lost while it is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The run stops before its next change: somebody meant it.
    Stops,
    /// It is done again: it gets lost without anybody meaning it.
    Renewed,
}
