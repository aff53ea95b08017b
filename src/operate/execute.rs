//! Carries out a plan that was made before, a move that is planned on the spot, or a run that stopped.

use super::attended::{carry_out, pass_on_warnings};
use super::caller::{Caller, NothingToDo, Proposal, Remark};
use super::exit::ExitClass;
use super::failure::CommandError;
use super::plan::{MoveCommand, PlanOutcome, make, name_is_taken};
use super::trust::{self, Assurances, Basis, TrustedRun};
use super::{Course, expiry, records};
use crate::cluster::Connection;
use crate::journal::Outcome;
use crate::plan::{Plan, RunId};
use crate::survey::Survey;

/// Carries out a plan that was made before, if it is what would be planned now.
///
/// # Errors
///
/// When it is refused or declined, or the run does not complete.
pub async fn execute(connection: &Connection, plan: &Plan, assurances: &Assurances, caller: &impl Caller) -> Result<(), CommandError> {
    if has_completed(connection, plan).await? {
        caller.tell(&Remark::NothingToDo(&NothingToDo::Completed(plan.run().clone())));
        return Ok(());
    }
    let survey = trust::as_planned_now(connection, plan, assurances).await?;
    begin(connection, plan, &survey, assurances, caller).await
}

/// Plans a move and carries it out.
///
/// # Errors
///
/// As [`execute`].
pub async fn plan_and_execute(
    connection: &Connection,
    command: &MoveCommand<'_>,
    assurances: &Assurances,
    caller: &impl Caller,
) -> Result<(), CommandError> {
    let planned = make(connection, command, |_| Ok(())).await;
    pass_on_warnings(connection, caller);
    match planned? {
        PlanOutcome::NothingToDo(nothing) => {
            caller.tell(&Remark::NothingToDo(&nothing));
            Ok(())
        }
        PlanOutcome::Plan(plan, survey) => begin(connection, &plan, &survey, assurances, caller).await,
    }
}

/// Goes on with a run that stopped.
///
/// # Errors
///
/// As [`execute`].
pub async fn resume(
    connection: &Connection,
    namespace: &str,
    run: &RunId,
    assurances: &Assurances,
    caller: &impl Caller,
) -> Result<(), CommandError> {
    let record = trust::read_run(connection, namespace, run, Course::Resume, assurances).await?;
    if record.basis == Basis::Ended {
        caller.tell(&Remark::NothingToDo(&NothingToDo::Ended(run.clone())));
        return Ok(());
    }
    refuse_taken_back(connection, &record).await?;
    caller.confirm(&Proposal::Resume(&record))?;
    carry_out(connection, &record.plan, Course::Resume, assurances, caller).await
}

/// Carries out a plan of which it is known that it is what would be planned now.
async fn begin(
    connection: &Connection,
    plan: &Plan,
    survey: &Survey,
    assurances: &Assurances,
    caller: &impl Caller,
) -> Result<(), CommandError> {
    expiry::refuse(connection.expiry(), plan, survey, caller)?;
    caller.confirm(&Proposal::Begin { plan, survey })?;
    carry_out(connection, plan, Course::Begin, assurances, caller).await
}

fn refused(why: &str) -> CommandError {
    CommandError::new(ExitClass::Refused, format!("refused: {why}"))
}

/// Whether the run of a plan has completed, so that nothing is to be done. That it cannot be begun again is an error.
async fn has_completed(connection: &Connection, plan: &Plan) -> Result<bool, CommandError> {
    let (run, namespace) = (plan.run(), plan.namespace());
    let (stored, begun) = match records::of_run(connection, namespace, run).await? {
        Some((there, journal)) if there == *plan => (there, journal),
        Some(_) => return Err(name_is_taken(run, namespace)),
        None => return Ok(false),
    };
    let state = begun.state();
    let anew = format!("plan anew; see what became of it with `kubectl stateful status {run} -n {namespace}`");
    match state.outcome {
        Some(Outcome::Undone) => Err(refused(&format!("run `{run}` of this plan was carried out and taken back")).hinted(anew)),
        Some(Outcome::Completed) => match records::way_back(connection, plan).await? {
            Some(back) => {
                let why = format!("run `{run}` of this plan was completed, then run `{}` took the app back", back.plan.run());
                Err(refused(&why).hinted(anew))
            }
            None => Ok(true),
        },
        // Its plan was stored and nothing was done.
        None if state.sequence == 0 && stored.digest() == plan.digest() => Ok(false),
        None => {
            let how = format!("see where it stands with `kubectl stateful status {run} -n {namespace}`");
            let on = format!("if nobody carries it out, go on with `kubectl stateful execute --resume {run} -n {namespace}`");
            Err(refused(&format!("run `{run}` of this plan has begun and not ended")).hinted(how).hinted(on))
        }
    }
}

/// Refuses to go on with a run while or after another one takes the app back. One whose app did not become ready has not even completed.
async fn refuse_taken_back(connection: &Connection, record: &TrustedRun) -> Result<(), CommandError> {
    let Some(back) = records::way_back(connection, &record.plan).await? else { return Ok(()) };
    let (run, other, namespace) = (record.plan.run(), back.plan.run(), record.plan.namespace());
    let down = back.down_since().map(|since| format!("; THE APP IS DOWN, or not ready, since {since}")).unwrap_or_default();
    let was = match record.journal.state().outcome {
        Some(_) => "was completed",
        None => "started the app",
    };
    Err(match back.journal.state().outcome {
        Some(_) => refused(&format!("run `{run}` {was}, then run `{other}` took the app back"))
            .hinted(format!("see it with `kubectl stateful status {other} -n {namespace}`")),
        None => refused(&format!("run `{run}` {was}, and run `{other}` takes the app back{down}"))
            .hinted(format!("go on with it by `kubectl stateful execute --resume {other} -n {namespace}`")),
    })
}
