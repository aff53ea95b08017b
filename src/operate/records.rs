//! The records of runs in a namespace, for people: where a run stands, which run took it back, whether a name is taken.
//!
//! They are the word of whoever may write config maps there. Nothing here is carried out: that is for [`trust`](super::trust) to allow.

use serde_json::Value;

use crate::cluster::{ApiError, Connection, Kind};
use crate::journal::lease::{self, LeaseError};
use crate::journal::outage::down_since;
use crate::journal::{Entry, Journal, JournalError, Outcome, stored_plan};
use crate::plan::{Destination, Plan, RunId, marks, plan_record};

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunPhase {
    /// Its plan is stored and nothing was done.
    NotBegun,
    /// Somebody renews the app's lease for it.
    Running {
        /// Who.
        executor: String,
    },
    /// It has not ended, does not say that it stopped, and nobody renews the lease.
    Lost,
    /// It has not ended and does not say that it stopped; the lease may not be read.
    Unknown,
    /// It stopped.
    Halted(String),
    /// The app was moved.
    Completed,
    /// It started the app and did not end; another run takes the app back, or has done so.
    Superseded,
    /// It was taken back.
    Undone,
}

/// A run as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStatus {
    /// Where.
    pub phase: RunPhase,
    /// Whether it goes back.
    pub is_back: bool,
    /// Since when it has the app down.
    pub down_since: Option<String>,
    /// The run that takes the app back after this one moved it, and whether it has completed.
    pub back_by: Option<(RunId, bool)>,
}

/// Looks where a run stands. A lease that seems not to be renewed is looked at for some seconds.
///
/// # Errors
///
/// When lease or records cannot be read.
pub async fn status(connection: &Connection, plan: &Plan, journal: &Journal, entries: &[Entry]) -> Result<RunStatus, JournalError> {
    let state = journal.state();
    let back = match state.outcome {
        Some(Outcome::Undone) => None,
        Some(Outcome::Completed) | None => way_back(connection, plan).await?,
    };
    let back_by = back.map(|back| (back.plan.run().clone(), back.journal.state().outcome.is_some()));
    let phase = match (state.outcome, &state.halted) {
        (Some(Outcome::Undone), _) => RunPhase::Undone,
        (Some(Outcome::Completed), _) => RunPhase::Completed,
        (None, _) if back_by.is_some() => RunPhase::Superseded,
        (None, halted) => match (renewing(connection, plan).await?, halted) {
            (LeaseRenewal::By(executor), _) => RunPhase::Running { executor },
            (LeaseRenewal::ByNobody | LeaseRenewal::Unseen, Some(why)) => RunPhase::Halted(why.clone()),
            (LeaseRenewal::ByNobody | LeaseRenewal::Unseen, None) if state.sequence == 0 => RunPhase::NotBegun,
            (LeaseRenewal::ByNobody, None) => RunPhase::Lost,
            (LeaseRenewal::Unseen, None) => RunPhase::Unknown,
        },
    };
    // Of an app that another run took over that one tells.
    let down_since = down_since(plan, entries).filter(|_| phase != RunPhase::Superseded).map(str::to_owned);
    Ok(RunStatus { phase, is_back: state.back, down_since, back_by })
}

/// Who renews the lease for a run.
pub enum LeaseRenewal {
    /// This executor.
    By(String),
    /// Nobody.
    ByNobody,
    /// Who looks may not see it.
    Unseen,
}

/// Looks who renews the lease of a run's app for that run. It is looked at for some seconds.
///
/// # Errors
///
/// When the lease cannot be read, for another reason than a missing permission.
pub async fn renewing(connection: &Connection, plan: &Plan) -> Result<LeaseRenewal, JournalError> {
    match lease::renewing(connection, &plan.app).await {
        Ok(Some((holder, run))) if run == plan.run().0 => Ok(LeaseRenewal::By(holder)),
        Ok(_) => Ok(LeaseRenewal::ByNobody),
        Err(LeaseError::Api { error: ApiError::Forbidden(_), .. }) => Ok(LeaseRenewal::Unseen),
        Err(LeaseError::Api { error, .. }) => Err(JournalError::Api { run: plan.run().clone(), doing: "look at the lease beside", error }),
        Err(LeaseError::Held { .. } | LeaseError::Lost { .. } | LeaseError::Deleted { .. }) => Ok(LeaseRenewal::ByNobody),
    }
}

/// A run that takes an app back to the volumes that another one kept.
pub struct WayBack {
    /// Its plan.
    pub plan: Plan,
    /// Its journal.
    pub journal: Journal,
    entries: Vec<Entry>,
}

impl WayBack {
    /// Since when it has the app down.
    pub fn down_since(&self) -> Option<&str> {
        down_since(&self.plan, &self.entries)
    }
}

/// The run that takes the app back after this one: one that goes on or has completed, not one that was taken back itself.
///
/// # Errors
///
/// What the API says. Records that cannot be read are passed over.
pub async fn way_back(connection: &Connection, plan: &Plan) -> Result<Option<WayBack>, JournalError> {
    let app = marks::app_key(plan.app.kind, &plan.app.name);
    let query = format!("{}=plan,{}={app}", marks::RECORD, marks::APP);
    let found = connection.list_metadata(&Kind::CONFIG_MAP, plan.namespace(), &query).await;
    let found = found.map_err(|error| JournalError::Api { run: plan.run().clone(), doing: "look for records beside", error })?;
    for run in found.iter().filter_map(run_of).filter(|run| run != plan.run()) {
        let Ok(other) = stored_plan::read(connection, plan.namespace(), &run).await else { continue };
        if !matches!(&other.request.destination, Destination::KeptVolumes { run, .. } if run == plan.run()) {
            continue;
        }
        let Ok(journal) = Journal::open(connection, plan.namespace(), &run).await else { continue };
        if journal.state().outcome == Some(Outcome::Undone) || journal.state().sequence == 0 {
            continue;
        }
        let entries = Journal::entries(connection, plan.namespace(), &run).await?;
        return Ok(Some(WayBack { plan: other, journal, entries }));
    }
    Ok(None)
}

/// The run whose record a config map is.
pub fn run_of(record: &Value) -> Option<RunId> {
    let run = RunId::try_from(record["metadata"]["labels"][marks::RUN].as_str()?.to_owned()).ok()?;
    (record["metadata"]["name"] == plan_record(&run, 0)).then_some(run)
}

/// The plan and journal of a run; none where nothing is recorded of it.
///
/// # Errors
///
/// When they cannot be read.
pub async fn of_run(connection: &Connection, namespace: &str, run: &RunId) -> Result<Option<(Plan, Journal)>, JournalError> {
    if !is_there(connection, namespace, run).await.map_err(|error| JournalError::Api { run: run.clone(), doing: "read", error })? {
        return Ok(None);
    }
    let plan = stored_plan::read(connection, namespace, run).await?;
    Ok(Some((plan, Journal::open(connection, namespace, run).await?)))
}

/// Whether a run of that name is recorded.
///
/// # Errors
///
/// What the API says.
pub async fn is_there(connection: &Connection, namespace: &str, run: &RunId) -> Result<bool, ApiError> {
    Ok(connection.get(&Kind::CONFIG_MAP, namespace, &plan_record(run, 0)).await?.is_some())
}

/// Of runs that labels call unfinished, those whose journals do not say that they ended: the label is written after the end, best effort.
pub async fn unfinished(connection: &Connection, namespace: &str, runs: Vec<String>) -> Vec<String> {
    let mut left = Vec::new();
    for name in runs {
        let has_ended = match RunId::try_from(name.clone()) {
            Ok(run) => match of_run(connection, namespace, &run).await {
                Ok(Some((plan, journal))) => has_ended(connection, &plan, &journal).await,
                Ok(None) | Err(_) => false,
            },
            Err(_) => false,
        };
        if !has_ended {
            left.push(name);
        }
    }
    left
}

/// Whether a run has ended, or another one has taken the app back since.
pub async fn has_ended(connection: &Connection, plan: &Plan, journal: &Journal) -> bool {
    if journal.state().outcome.is_some() {
        return true;
    }
    way_back(connection, plan).await.is_ok_and(|back| back.is_some_and(|back| back.journal.state().outcome.is_some()))
}

/// Notes at the records of a run that another one has taken the app back. Best effort.
pub async fn label_undone(connection: &Connection, namespace: &str, run: &RunId) {
    if let Ok(journal) = Journal::open(connection, namespace, run).await {
        journal.label_state(Outcome::Undone.word()).await;
    }
}
