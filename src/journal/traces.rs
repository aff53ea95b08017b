//! What an earlier run of a name has left on volumes, from when its records are gone. It says no more than that something is there.

use super::failure::{JournalError, api};
use crate::cluster::{Connection, Kind};
use crate::plan::{Plan, RunId, marks, plan_record};

/// The marks of a run whose records are gone would be taken for those of the new one: for its proven copy, in the worst case.
pub(super) async fn refuse_anothers_marks(connection: &Connection, plan: &Plan) -> Result<(), JournalError> {
    let (namespace, run) = (plan.namespace(), plan.run());
    let begun = connection.get(&Kind::CONFIG_MAP, namespace, &plan_record(run, 0)).await;
    if begun.map_err(|error| api(run, "read", error))?.is_some() {
        return Ok(());
    }
    match marked_volume(connection, namespace, run).await? {
        Some(volume) => Err(JournalError::Marked { run: run.clone(), volume }),
        None => Ok(()),
    }
}

/// A volume that bears the marks of a run, if there is one.
pub(super) async fn marked_volume(connection: &Connection, namespace: &str, run: &RunId) -> Result<Option<String>, JournalError> {
    let marked = connection.list(&Kind::VOLUME, "", &marks::volumes_of(namespace, run)).await;
    let first = marked.map_err(|error| api(run, "begin", error))?.into_iter().next();
    Ok(first.and_then(|volume| volume["metadata"]["name"].as_str().map(str::to_owned)))
}
