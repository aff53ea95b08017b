//! From what is asked for to a plan, or to why there is none: the run's name, the app, its survey, the planner, what the server would refuse.
//!
//! It writes no file and changes nothing.

use super::attended::pass_on_warnings;
use super::caller::{Caller, NothingToDo};
use super::exit::ExitClass;
use super::failure::CommandError;
use super::{expiry, records, rehearsal, trust};
use crate::cluster::{Connection, read};
use crate::plan::{Plan, Request, RunId};
use crate::planner::{self, Refusal, TargetReason};
use crate::survey::Survey;

/// A move that is asked for.
pub struct MoveCommand<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The app as it was typed: `TYPE/NAME`, or both apart.
    pub reference: &'a [String],
    /// Or how it is found by its labels.
    pub selector: Option<&'a str>,
    /// What is asked for.
    pub request: Request,
    /// The run's name was chosen by somebody, so that it may be taken.
    pub is_named: bool,
}

/// What planning came to.
pub enum PlanOutcome {
    /// A plan, with the survey it was made from.
    Plan(Box<Plan>, Box<Survey>),
    /// Everything is there already.
    NothingToDo(NothingToDo),
}

/// Plans a move, and tries what the server would let in. `keep` is given what was seen.
///
/// # Errors
///
/// When the move is refused, or something cannot be read.
pub async fn plan(
    connection: &Connection,
    command: &MoveCommand<'_>,
    keep: impl FnOnce(&Survey) -> Result<(), CommandError>,
    caller: &impl Caller,
) -> Result<PlanOutcome, CommandError> {
    let planned = make(connection, command, keep).await;
    pass_on_warnings(connection, caller);
    if let Ok(PlanOutcome::Plan(plan, survey)) = &planned {
        expiry::warn(connection.expiry(), plan, survey, caller);
        rehearsal::rehearse(connection, plan).await?;
    }
    planned
}

/// Surveys and plans. What was seen is kept before it is judged: why a plan is refused is what one wants to show.
pub(super) async fn make(
    connection: &Connection,
    command: &MoveCommand<'_>,
    keep: impl FnOnce(&Survey) -> Result<(), CommandError>,
) -> Result<PlanOutcome, CommandError> {
    if command.is_named && records::is_there(connection, command.namespace, &command.request.run).await? {
        return Err(name_is_taken(&command.request.run, command.namespace));
    }
    let named = read::resolve(connection, command.namespace, command.reference, command.selector).await?;
    let survey = trust::seen(connection, command.namespace, &named, &command.request).await?;
    keep(&survey)?;
    judge(&command.request, survey, connection.address())
}

/// Plans from what was seen, wherever that comes from.
///
/// # Errors
///
/// When the move is refused.
pub fn judge(request: &Request, survey: Survey, cluster: &str) -> Result<PlanOutcome, CommandError> {
    match planner::plan(request, &survey, cluster) {
        Ok(plan) => Ok(PlanOutcome::Plan(Box::new(plan), Box::new(survey))),
        Err(refusals) => match refusals.as_slice() {
            [same @ Refusal::Target(TargetReason::SameClass { .. })] => {
                Ok(PlanOutcome::NothingToDo(NothingToDo::Unchanged(same.to_string())))
            }
            _ => Err(refusals.into()),
        },
    }
}

/// A run's name is its own in its namespace, also after its end.
pub(super) fn name_is_taken(run: &RunId, namespace: &str) -> CommandError {
    let why = format!("refused: the name `{run}` is taken: namespace `{namespace}` has records of a run of that name");
    CommandError::new(ExitClass::Refused, why)
        .hinted(format!("name another run with `--run`; see that one with `kubectl stateful status {run} -n {namespace}`"))
}
