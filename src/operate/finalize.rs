//! Ends a run for good: deletes the volumes it kept, with their data, and then its journal.
//!
//! It never touches a volume that is bound, or that does not bear the run's labels.

use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;

use super::Course;
use super::caller::{Caller, Proposal};
use super::failure::CommandError;
use super::records;
use super::trust::{self, Assurances, TrustedRun};
use crate::cluster::{ApiError, Connection, Kind};
use crate::journal::lease::Lease;
use crate::journal::{Journal, JournalError, process};
use crate::plan::{Plan, RunId, marks};
use crate::survey::object::{annotation, name, text, uid};

/// How long the backend may take to delete one volume.
const GONE_WITHIN: Duration = Duration::from_secs(120);

/// Why a run cannot be ended for good.
#[derive(Debug, Error)]
pub enum FinalizeError {
    /// It goes on, or can go on.
    #[error("run `{0}` has not ended")]
    NotEnded(String),
    /// A volume bears the run's marks and is not one that its plan moved out of its namespace.
    #[error("volume `{volume}` bears the marks of run `{run}`, and is not a volume that its plan moved: {what}")]
    Foreign {
        /// The volume.
        volume: String,
        /// The run.
        run: String,
        /// What it is instead.
        what: String,
    },
    /// A volume still bears the marks of the run's target: the run has not come to its end, whatever its journal says.
    #[error("volume `{volume}` still bears the marks of the target of run `{run}`, so the run has not come to its end")]
    NotSettled {
        /// The volume.
        volume: String,
        /// The run.
        run: String,
    },
    /// A volume is used.
    #[error("volume `{volume}` is bound to claim `{claim}`")]
    InUse {
        /// The volume.
        volume: String,
        /// The claim.
        claim: String,
    },
    /// The backend does not delete a volume.
    #[error("volume `{volume}` is not gone after {} s: {why}", GONE_WITHIN.as_secs())]
    Remains {
        /// The volume.
        volume: String,
        /// What its status says.
        why: String,
    },
    /// The journal cannot be read or deleted.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The API said so.
    #[error("{0}")]
    Api(#[from] ApiError),
}

/// Deletes what a run kept, once that was confirmed. Returns how many volumes that were.
///
/// # Errors
///
/// When it is refused or declined, or a volume does not go.
pub async fn finalize(
    connection: &Connection,
    namespace: &str,
    run: &RunId,
    assurances: &Assurances,
    caller: &impl Caller,
) -> Result<usize, CommandError> {
    let failed = |error| CommandError::of_finalize(error, namespace);
    let TrustedRun { plan, journal, basis: _ } = trust::read_run(connection, namespace, run, Course::Undo, assurances).await?;
    let volumes = kept(connection, &plan, &journal).await.map_err(failed)?;
    caller.confirm(&Proposal::Finalize { plan: &plan, volumes: &volumes })?;
    let lease = Lease::take(connection, &plan.app, run, &process::name(&caller.fresh_name().0)).await?;
    let deleted = delete(connection, &volumes, journal).await.map_err(failed);
    lease.release().await;
    deleted.map(|()| volumes.len())
}

/// The volumes that a run kept, which are deleted when it is ended for good.
///
/// # Errors
///
/// [`FinalizeError::NotEnded`] while the run has not ended; [`FinalizeError::InUse`] when a volume is bound.
pub async fn kept(connection: &Connection, plan: &Plan, journal: &Journal) -> Result<Vec<Value>, FinalizeError> {
    if !records::has_ended(connection, plan, journal).await {
        return Err(FinalizeError::NotEnded(plan.run().to_string()));
    }
    let marked = connection.list(&Kind::VOLUME, "", &marks::volumes_of(plan.namespace(), plan.run())).await?;
    let is_source = |volume: &Value| volume["metadata"]["labels"][marks::ROLE] == marks::ROLE_SOURCE;
    let (volumes, others): (Vec<Value>, Vec<Value>) = marked.into_iter().partition(is_source);
    // While claims are swapped the source volumes are bound to nothing, and what is on the target may be all there is.
    if let Some(target) = others.first() {
        return Err(FinalizeError::NotSettled { volume: name(target).to_owned(), run: plan.run().to_string() });
    }
    for volume in &volumes {
        if let Some(what) = foreign(plan, volume) {
            return Err(FinalizeError::Foreign { volume: name(volume).to_owned(), run: plan.run().to_string(), what });
        }
    }
    match volumes.iter().find(|volume| volume["status"]["phase"] == "Bound") {
        Some(volume) => {
            Err(FinalizeError::InUse { volume: name(volume).to_owned(), claim: text(volume, "/spec/claimRef/name").to_owned() })
        }
        None => Ok(volumes),
    }
}

/// What makes a volume another one than the run's plan moved; none: nothing.
fn foreign(plan: &Plan, volume: &Value) -> Option<String> {
    let Some(one) = plan.moves.iter().find(|one| one.source.volume == name(volume)) else {
        return Some("the plan does not name it".to_owned());
    };
    if one.source.volume_uid != uid(volume) {
        return Some("it is another one of that name".to_owned());
    }
    let claim = format!("{}/{}", plan.namespace(), one.claim);
    let reference = &volume["spec"]["claimRef"];
    let named = format!("{}/{}", text(reference, "/namespace"), text(reference, "/name"));
    let was = annotation(volume, marks::CLAIM).unwrap_or_default();
    if named != claim {
        return Some(format!("it names claim `{named}`, not `{claim}`"));
    }
    (was != claim).then(|| format!("its annotation says that it was claim `{was}`, not `{claim}`"))
}

/// Deletes volumes with their data and waits until they are gone, then forgets the run. Asks nobody; whoever calls it has asked.
///
/// # Errors
///
/// When a volume does not go; the run can then be finalized again.
pub async fn delete(connection: &Connection, volumes: &[Value], journal: Journal) -> Result<(), FinalizeError> {
    for volume in volumes {
        let metadata = json!({ "uid": volume["metadata"]["uid"], "resourceVersion": volume["metadata"]["resourceVersion"] });
        // A released volume on Delete is deleted by its driver, backend first; deleting the object would leave the backend behind.
        let patch = json!({ "metadata": metadata, "spec": { "persistentVolumeReclaimPolicy": "Delete" } });
        connection.patch(&Kind::VOLUME, "", name(volume), &patch).await?;
    }
    for volume in volumes {
        gone(connection, name(volume)).await?;
    }
    journal.forget().await?;
    Ok(())
}

async fn gone(connection: &Connection, volume: &str) -> Result<(), FinalizeError> {
    let since = tokio::time::Instant::now();
    while let Some(found) = connection.get(&Kind::VOLUME, "", volume).await? {
        if since.elapsed() > GONE_WITHIN || found["status"]["phase"] == "Failed" {
            let why = [text(&found, "/status/phase"), text(&found, "/status/message")].join(" ");
            return Err(FinalizeError::Remains { volume: volume.to_owned(), why: why.trim().to_owned() });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}
