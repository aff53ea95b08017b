//! Whoever gives a command, as far as the command needs them: an answer before a change, somebody who hears, interrupts, names, the time.
//!
//! The terminal is one, a simulated cluster another. Nothing here says how a question looks.

use serde_json::Value;
use tokio::sync::watch;

use super::exit::ExitClass;
use super::failure::CommandError;
use super::report::RunReport;
use super::trust::TrustedRun;
use crate::engine::Listener;
use crate::journal::RunState;
use crate::plan::{Plan, RunId};
use crate::survey::Survey;

/// What is about to be done, and may be declined.
pub enum Proposal<'a> {
    /// To carry out a plan from its beginning.
    Begin {
        /// The plan.
        plan: &'a Plan,
        /// What it was made from.
        survey: &'a Survey,
    },
    /// To go on with a run.
    Resume(&'a TrustedRun),
    /// To take a run back step by step.
    TakeBack {
        /// The plan of the run.
        plan: &'a Plan,
        /// How far it is.
        state: &'a RunState,
    },
    /// To close the record of a run of which nothing is left.
    Close(&'a Plan),
    /// To finish starting the app on its target, and to go back from there.
    FinishStart,
    /// To delete the volumes that a run kept, and its journal.
    Finalize {
        /// The plan of the run.
        plan: &'a Plan,
        /// The volumes.
        volumes: &'a [Value],
    },
}

/// Why a command has nothing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NothingToDo {
    /// The app is on its target already; says so.
    Unchanged(String),
    /// The run of the plan has completed.
    Completed(RunId),
    /// The records of the run say that it has ended, and nothing of it is on any volume.
    Ended(RunId),
    /// The run was undone.
    Undone(RunId),
    /// The run was undone by another one.
    UndoneBy {
        /// The run.
        run: RunId,
        /// The one that took the app back.
        back: RunId,
    },
}

/// What is worth knowing beside a result.
pub enum Remark<'a> {
    /// The API server warns, or credentials may not last.
    Warning(&'a str),
    /// There is nothing to do.
    NothingToDo(&'a NothingToDo),
    /// A run is being undone by another one, which is gone on with.
    GoesOnBack {
        /// The run.
        run: &'a RunId,
        /// The one that takes the app back.
        back: &'a RunId,
    },
}

/// Whoever gives a command.
pub trait Caller {
    /// Shows what is about to be done and asks whether to do it.
    ///
    /// # Errors
    ///
    /// When it is declined. Nothing was changed then.
    fn confirm(&self, proposal: &Proposal<'_>) -> Result<(), CommandError>;

    /// Hears something beside the result.
    fn tell(&self, remark: &Remark<'_>);

    /// Hears what a run came to.
    fn ended(&self, report: &RunReport<'_>);

    /// Who hears how far a run is.
    fn listener(&self) -> &dyn Listener;

    /// Does work that can be interrupted. The work is given how often it was.
    ///
    /// # Errors
    ///
    /// When interrupts cannot be heard. The work is not begun then.
    fn attend<T>(&self, work: impl AsyncFnOnce(watch::Receiver<u32>) -> T) -> impl Future<Output = Result<T, CommandError>>;

    /// How a command ends whose work was interrupted last.
    fn interrupted(&self) -> ExitClass;

    /// A name that no run has, and no process.
    fn fresh_name(&self) -> RunId;

    /// The time, to the second.
    fn now(&self) -> String;
}
