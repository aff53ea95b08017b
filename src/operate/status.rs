//! Which runs there are, and where they stand. Changes nothing, and shows records also where they do not count: to look is how one finds out.

use futures::stream::{self, StreamExt};
use serde_json::Value;

use super::Course;
use super::failure::CommandError;
use super::records::{self, RunStatus};
use super::trust::{self, Assurances, Basis, Distrust};
use crate::cluster::{ApiError, Connection, Kind};
use crate::journal::{Entry, Journal, stored_plan};
use crate::plan::{Plan, RunId, marks};

/// At most so many runs are looked at side by side.
const LOOKS_MAX: usize = 8;

/// Labels of runs that have ended.
const ENDED: [&str; 2] = ["completed", "undone"];

/// How much of each record is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordDetail {
    /// What a list shows.
    Metadata,
    /// All of it.
    Whole,
}

/// A run as its records have it.
pub struct RunRecord {
    /// Its plan.
    pub plan: Plan,
    /// Its journal.
    pub journal: Journal,
    /// What is in the journal.
    pub entries: Vec<Entry>,
    /// Whether that counts, and why.
    pub basis: Result<Basis, Distrust>,
}

/// The records of the runs of a namespace; of all namespaces where none is named.
///
/// # Errors
///
/// What the API says.
pub async fn records_of(connection: &Connection, namespace: Option<&str>, extent: RecordDetail) -> Result<Vec<Value>, ApiError> {
    let (scope, query) = (namespace.unwrap_or_default(), format!("{}=plan", marks::RECORD));
    let mut found = match extent {
        RecordDetail::Metadata => connection.list_metadata(&Kind::CONFIG_MAP, scope, &query).await?,
        RecordDetail::Whole => connection.list(&Kind::CONFIG_MAP, scope, &query).await?,
    };
    found.retain(|piece| piece["metadata"]["name"].as_str().is_some_and(|name| name.ends_with("-plan-0")));
    Ok(found)
}

/// Records with where their runs stand, for those whose labels do not say that they ended.
pub async fn looked_at(connection: &Connection, found: Vec<Value>) -> Vec<(Value, Option<RunStatus>)> {
    let looks = found.into_iter().map(|record| async {
        let state = record["metadata"]["labels"][marks::STATE].as_str();
        let has_ended = state.is_some_and(|state| ENDED.contains(&state));
        let look = if has_ended { None } else { look_at(connection, &record).await };
        (record, look)
    });
    stream::iter(looks).buffered(LOOKS_MAX).collect().await
}

async fn look_at(connection: &Connection, record: &Value) -> Option<RunStatus> {
    let (run, namespace) = (records::run_of(record)?, record["metadata"]["namespace"].as_str()?);
    let (plan, journal) = records::of_run(connection, namespace, &run).await.ok()??;
    let entries = Journal::entries(connection, namespace, &run).await.ok()?;
    records::status(connection, &plan, &journal, &entries).await.ok()
}

/// Reads the records of a run, and says whether they count.
///
/// # Errors
///
/// When they cannot be read.
pub async fn read(connection: &Connection, namespace: &str, run: &RunId) -> Result<RunRecord, CommandError> {
    let plan = stored_plan::read(connection, namespace, run).await?;
    let journal = Journal::open(connection, namespace, run).await?;
    let entries = Journal::entries(connection, namespace, run).await?;
    let basis = trust::basis(connection, &plan, &journal, Course::Undo, &Assurances::default()).await;
    Ok(RunRecord { plan, journal, entries, basis })
}

impl RunRecord {
    /// Looks where the run stands.
    ///
    /// # Errors
    ///
    /// When that cannot be read.
    pub async fn status(&self, connection: &Connection) -> Result<RunStatus, CommandError> {
        Ok(records::status(connection, &self.plan, &self.journal, &self.entries).await?)
    }
}
