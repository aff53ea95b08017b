//! A run that its caller attends: hears how far it is, may interrupt it, and is told what it came to.

use super::caller::{Caller, Remark};
use super::carry_out::{self, Executor};
use super::failure::CommandError;
use super::report::{self, RunReport};
use super::trust::Assurances;
use super::{Course, records};
use crate::cluster::Connection;
use crate::engine::Ending;
use crate::journal::{Journal, process};
use crate::plan::{Destination, Plan};

/// Drives a run to an ending and reports it.
///
/// # Errors
///
/// When it cannot be begun, or does not come to what was asked for.
pub(super) async fn carry_out(
    connection: &Connection,
    plan: &Plan,
    course: Course,
    assurances: &Assurances,
    caller: &impl Caller,
) -> Result<(), CommandError> {
    let (name, listener) = (process::name(&caller.fresh_name().0), caller.listener());
    let work = async |interrupts| carry_out::carry_out(Executor { connection, name, listener, interrupts, assurances }, plan, course).await;
    let carried_out = caller.attend(work).await?;
    pass_on_warnings(connection, caller);
    let ending = carried_out?;
    let entries = Journal::entries(connection, plan.namespace(), plan.run()).await.unwrap_or_default();
    if let (Ending::Completed, Destination::KeptVolumes { run, .. }) = (&ending, &plan.request.destination) {
        records::label_undone(connection, plan.namespace(), run).await;
    }
    let verdict = report::verdict(plan, course, &ending, &entries, caller.interrupted());
    let exit_code = verdict.as_ref().err().map_or(0, |error| error.class.code());
    caller.ended(&RunReport { plan, ending: &ending, entries: &entries, exit_code });
    verdict
}

/// Tells the caller what the API server warned of so far.
pub(super) fn pass_on_warnings(connection: &Connection, caller: &impl Caller) {
    for warning in connection.warnings().take() {
        caller.tell(&Remark::Warning(&warning));
    }
}
