//! Goes back, at any stage of a run: by taking it back step by step, or by a move to the volumes that it kept.
//!
//! Which of both is decided by what the journal says; that the journal counts was decided before.

use super::attended::carry_out;
use super::caller::{Caller, NothingToDo, Proposal, Remark};
use super::exit::ExitClass;
use super::failure::CommandError;
use super::records::{LeaseRenewal, WayBack};
use super::trust::{self, Assurances, Basis, TrustedRun};
use super::{Course, expiry, kept, records};
use crate::cluster::{Connection, read};
use crate::engine::Run;
use crate::journal::{Journal, Outcome, RunState};
use crate::plan::{Plan, Request, RunId};
use crate::planner::{self, going_back};
use crate::survey::Survey;

/// A run that is to be undone, and what a way back needs that is planned anew.
pub struct UndoCommand<'a> {
    /// The run.
    pub run: &'a RunId,
    /// What the user says.
    pub assurances: Assurances,
    /// Give up what the app wrote since the cut-over.
    pub discard_new_writes: bool,
    /// The image of the movers of a way back that is planned now; that of the run where none is named.
    pub mover_image: Option<String>,
    /// The image that a way back must name which was planned before, and of which nothing is on any volume yet.
    pub mover_image_expected: Option<String>,
}

impl UndoCommand<'_> {
    /// An option that shapes a way back that is yet to be planned.
    fn option_of_a_new_way_back(&self) -> Option<&'static str> {
        let all = [
            ("--discard-new-writes", self.discard_new_writes),
            ("--applier-is-paused", self.assurances.applier_is_paused),
            ("--network-is-open", self.assurances.network_is_open),
        ];
        all.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option)
    }
}

/// How a run goes back that no other one takes back already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackRoute {
    /// It was undone.
    Undone,
    /// Nothing of it is left: its record is closed.
    Close,
    /// Step by step: the app cannot have written to its target.
    TakeBack,
    /// The app was just being started on its target: that is finished, then it moves back.
    FinishStart,
    /// By a move back to the volumes it kept.
    MoveBack,
}

/// Decides how a run goes back.
#[must_use]
pub fn route(plan: &Plan, state: &RunState, basis: Basis) -> BackRoute {
    if state.outcome == Some(Outcome::Undone) {
        BackRoute::Undone
    } else if basis == Basis::NothingLeft {
        BackRoute::Close
    } else if !Run::app_may_have_written(plan, state) {
        BackRoute::TakeBack
    } else if !Run::app_was_started(plan, state) {
        BackRoute::FinishStart
    } else {
        BackRoute::MoveBack
    }
}

/// Goes back to how it was before a run.
///
/// # Errors
///
/// When it is refused or declined, or the app does not come back.
pub async fn undo(connection: &Connection, namespace: &str, command: &UndoCommand<'_>, caller: &impl Caller) -> Result<(), CommandError> {
    let TrustedRun { plan, journal, basis } =
        trust::read_run(connection, namespace, command.run, Course::Undo, &command.assurances).await?;
    let route = route(&plan, journal.state(), basis);
    if route == BackRoute::Undone {
        caller.tell(&Remark::NothingToDo(&NothingToDo::Undone(command.run.clone())));
        return Ok(());
    }
    if let Some(back) = records::way_back(connection, &plan).await? {
        return go_on_back(connection, &plan, back, command, caller).await;
    }
    match route {
        BackRoute::Undone => Ok(()),
        BackRoute::Close => {
            caller.confirm(&Proposal::Close(&plan))?;
            carry_out(connection, &plan, Course::Undo, &command.assurances, caller).await
        }
        BackRoute::TakeBack => {
            caller.confirm(&Proposal::TakeBack { plan: &plan, state: journal.state() })?;
            carry_out(connection, &plan, Course::Undo, &command.assurances, caller).await
        }
        BackRoute::FinishStart => {
            caller.confirm(&Proposal::FinishStart)?;
            finish_start(connection, &plan, &command.assurances, caller).await?;
            move_back(connection, &plan, command, caller, |error| stays_started(&plan, error)).await
        }
        BackRoute::MoveBack => {
            not_carried_out(connection, &plan, journal.state()).await?;
            move_back(connection, &plan, command, caller, |error| error).await
        }
    }
}

/// Goes on with the run that takes the app back already, if it has not ended.
async fn go_on_back(
    connection: &Connection,
    plan: &Plan,
    back: WayBack,
    command: &UndoCommand<'_>,
    caller: &impl Caller,
) -> Result<(), CommandError> {
    let (run, other) = (plan.run(), back.plan.run());
    if back.journal.state().outcome.is_some() {
        // Whoever ended it may not have come to that.
        records::label_undone(connection, plan.namespace(), run).await;
        caller.tell(&Remark::NothingToDo(&NothingToDo::UndoneBy { run: run.clone(), back: other.clone() }));
        return Ok(());
    }
    if let Some(option) = command.option_of_a_new_way_back() {
        let why = format!("`{option}` has no effect: run {other} takes the app back already, and goes on as it was planned");
        return Err(CommandError::new(ExitClass::Error, why).hinted(format!("leave out `{option}`")));
    }
    caller.tell(&Remark::GoesOnBack { run, back: other });
    let assurances = Assurances { mover_image: command.mover_image_expected.clone(), ..command.assurances.clone() };
    let record = trust::read_run(connection, plan.namespace(), other, Course::Resume, &assurances).await?;
    caller.confirm(&Proposal::Resume(&record))?;
    carry_out(connection, &record.plan, Course::Resume, &assurances, caller).await
}

/// Goes on with a run that did not finish the start of the app. That the app does not become ready is no hindrance to going back.
async fn finish_start(connection: &Connection, plan: &Plan, assurances: &Assurances, caller: &impl Caller) -> Result<(), CommandError> {
    let carried_out = carry_out(connection, plan, Course::Resume, assurances, caller).await;
    let journal = Journal::open(connection, plan.namespace(), plan.run()).await?;
    if Run::app_was_started(plan, journal.state()) { Ok(()) } else { carried_out }
}

/// Refuses to move back while a process still waits for the app of the run.
async fn not_carried_out(connection: &Connection, plan: &Plan, state: &RunState) -> Result<(), CommandError> {
    if state.outcome.is_some() {
        return Ok(());
    }
    let (run, namespace) = (plan.run(), plan.namespace());
    match records::renewing(connection, plan).await? {
        LeaseRenewal::By(executor) => {
            let why = format!("refused: run `{run}` is being carried out by {executor}, which waits for the app");
            Err(CommandError::new(ExitClass::Refused, why)
                .hinted(format!("interrupt it there, then type `kubectl stateful undo {run} -n {namespace}` again")))
        }
        LeaseRenewal::ByNobody | LeaseRenewal::Unseen => Ok(()),
    }
}

/// That the way back was declined or refused once the app was started: something was changed, and is said.
fn stays_started(plan: &Plan, mut error: CommandError) -> CommandError {
    if error.class == ExitClass::Refused {
        error.class = ExitClass::Halted;
    }
    if let Some(fault) = error.faults.last_mut() {
        // What asked knows of no start.
        fault.what = fault.what.replace("; nothing was changed", "") + "; the app was started on its new volumes, and stays there";
    }
    error.hinted(format!("go back with `kubectl stateful undo {} -n {}`", plan.run(), plan.namespace()))
}

/// Moves the app back to the volumes that the run kept. `before` says what an error before the first change means.
async fn move_back(
    connection: &Connection,
    plan: &Plan,
    command: &UndoCommand<'_>,
    caller: &impl Caller,
    before: impl Fn(CommandError) -> CommandError,
) -> Result<(), CommandError> {
    let volumes = kept_volumes(connection, plan).await.map_err(&before)?;
    let mut request = going_back::request(plan, volumes, caller.fresh_name(), caller.now(), command.discard_new_writes);
    // What was paused or open when the app was moved need not be so by now.
    request.applier_is_paused = command.assurances.applier_is_paused;
    request.network_is_open = command.assurances.network_is_open;
    request.accept_outage_secs = command.assurances.accept_outage_secs;
    if let Some(image) = &command.mover_image {
        request.mover_image.clone_from(image);
    }
    let (back, survey) = plan_back(connection, plan, &request).await.map_err(&before)?;
    // Also with credentials that end soon it is better to begin to go back than not to.
    expiry::warn(connection.expiry(), &back, &survey, caller);
    caller.confirm(&Proposal::Begin { plan: &back, survey: &survey }).map_err(&before)?;
    carry_out(connection, &back, Course::Begin, &command.assurances, caller).await
}

/// The volumes that a run kept, all of them.
async fn kept_volumes(connection: &Connection, plan: &Plan) -> Result<Vec<crate::plan::KeptVolume>, CommandError> {
    let volumes = kept::kept_volumes(connection, plan).await?;
    if volumes.len() >= plan.moves.len() {
        return Ok(volumes);
    }
    let why = format!(
        "refused: {} of {} old volumes of run {} are not kept any more",
        plan.moves.len() - volumes.len(),
        plan.moves.len(),
        plan.run()
    );
    Err(CommandError::new(ExitClass::Refused, why).hinted(format!("move on with `kubectl stateful plan -n {}` instead", plan.namespace())))
}

/// Plans a move back of a run's app. Returns what was seen, too.
///
/// # Errors
///
/// When that is refused, or the app cannot be surveyed.
pub async fn plan_back(connection: &Connection, plan: &Plan, request: &Request) -> Result<(Plan, Survey), CommandError> {
    let named = read::Reference { kind: plan.app.kind, name: plan.app.name.clone() };
    let survey = trust::seen(connection, plan.namespace(), &named, request).await?;
    let back = planner::plan(request, &survey, connection.address())?;
    Ok((back, survey))
}
