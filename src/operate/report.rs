//! What a run came to, and what that means to whoever called: success, or an exit class with hints.

use super::Course;
use super::exit::ExitClass;
use super::failure::CommandError;
use crate::engine::{Ending, Trouble};
use crate::journal::Entry;
use crate::journal::outage::down_since;
use crate::plan::Plan;

/// What a run came to.
pub struct RunReport<'a> {
    /// Its plan.
    pub plan: &'a Plan,
    /// How it ended.
    pub ending: &'a Ending,
    /// Its journal; empty where that could not be read.
    pub entries: &'a [Entry],
    /// The exit code of the command.
    pub exit_code: u8,
}

/// Says what an ending means to whoever called.
///
/// # Errors
///
/// When the run did not come to what was asked for.
pub(super) fn verdict(plan: &Plan, course: Course, ending: &Ending, entries: &[Entry], interrupted: ExitClass) -> Result<(), CommandError> {
    let run = plan.run();
    let resume = format!("go on with `kubectl stateful execute --resume {run} -n {}`", plan.namespace());
    let back = format!("go back with `kubectl stateful undo {run} -n {}`", plan.namespace());
    match ending {
        Ending::Completed => Ok(()),
        Ending::Undone(None) if course == Course::Undo => Ok(()),
        Ending::Undone(None) => Err(CommandError::silent(ExitClass::RolledBack)),
        Ending::Undone(Some(trouble)) => {
            let error = CommandError::new(ExitClass::RolledBack, format!("the move failed and was taken back: {trouble}"));
            let error = error.maybe_hinted(hint_of(trouble));
            Err(error.hinted(format!("{} is on its source volumes as before; nothing of run {run} is left", plan.app.reference())))
        }
        Ending::Halted(trouble) => {
            let what = format!("the move stopped: {trouble}{}", down(plan, entries));
            let error = CommandError::new(class_of_halt(trouble, interrupted), what);
            Err(error.maybe_hinted(hint_of(trouble)).hinted(resume).hinted(back))
        }
        Ending::Stuck { because, trouble, remains } => {
            let first = because.as_ref().map(|because| format!(" (it went back because {because})")).unwrap_or_default();
            let what = format!("going back stopped: {trouble}{first}{}", down(plan, entries));
            let mut error = CommandError::new(ExitClass::Stuck, what).maybe_hinted(hint_of(trouble));
            for remaining in remains {
                error = error.hinted(format!("still to do: {remaining}"));
            }
            Err(error.hinted(format!("when the cause is gone, {back}")))
        }
    }
}

fn class_of_halt(trouble: &Trouble, interrupted: ExitClass) -> ExitClass {
    match trouble {
        Trouble::Interrupted => interrupted,
        Trouble::Journal(_) => ExitClass::Refused,
        Trouble::Step { .. } | Trouble::Adrift { .. } | Trouble::Silence(_) | Trouble::Neighbour => ExitClass::Halted,
    }
}

/// That the run left the app down, to be put behind a sentence.
fn down(plan: &Plan, entries: &[Entry]) -> String {
    down_since(plan, entries).map(|since| format!(". THE APP IS DOWN, or not ready, since {since}")).unwrap_or_default()
}

fn hint_of(trouble: &Trouble) -> Option<String> {
    match trouble {
        Trouble::Step { hint, .. } => hint.clone(),
        Trouble::Adrift { .. } | Trouble::Silence(_) | Trouble::Journal(_) | Trouble::Interrupted | Trouble::Neighbour => None,
    }
}
