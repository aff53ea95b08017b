//! `kubectl stateful status`: which runs there are, and where one stands. Changes nothing.

use clap::Args;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::connection::ConnectionArgs;
use super::plan::{Format, run_id};
use crate::cluster::{Connection, Kind};
use crate::journal::Journal;
use crate::operate::failure::CommandError;
use crate::operate::records::{self, Look};
use crate::operate::{Basis, Way, Word, trust};
use crate::plan::{RunId, marks};
use crate::words;

/// List runs, or show where one stands
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// The run; all runs of the namespace if not given
    #[arg(value_name = "RUN", value_parser = run_id)]
    run: Option<RunId>,
    /// List the runs of all namespaces
    #[arg(short = 'A', long, conflicts_with = "run")]
    all_namespaces: bool,
    /// Print plan and journal as a document
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

pub(super) async fn run(args: StatusArgs, connection: &ConnectionArgs) -> Result<(), CommandError> {
    let cluster = connection.open().await?;
    let namespace = connection.namespace(&cluster);
    let Some(run) = &args.run else {
        let scope = if args.all_namespaces { "" } else { namespace.as_str() };
        let query = format!("{}=plan", marks::RECORD);
        let mut found = match args.output {
            None => cluster.list_metadata(&Kind::CONFIG_MAP, scope, &query).await?,
            Some(_) => cluster.list(&Kind::CONFIG_MAP, scope, &query).await?,
        };
        found.retain(|piece| piece["metadata"]["name"].as_str().is_some_and(|name| name.ends_with("-plan-0")));
        match args.output {
            None => words::result(&words::runs_text(&looked_at(&cluster, found).await, args.all_namespaces)),
            Some(format) => print(format, &json!(found)),
        }
        return Ok(());
    };
    let plan = Journal::read_plan(&cluster, &namespace, run).await?;
    let journal = Journal::open(&cluster, &namespace, run).await?;
    let entries = Journal::entries(&cluster, &namespace, run).await?;
    // Shown all the same: to look is how one finds out.
    match trust::basis(&cluster, &plan, &journal, Way::Undo, &Word::default()).await {
        Ok(Basis::Anchored | Basis::Vouched | Basis::PlannedAnew) => {}
        Ok(Basis::NothingLeft | Basis::Ended) => {
            words::warn(&["no volume bears the marks of this run: what follows is what its records say, and nothing else".to_owned()]);
        }
        Err(doubt) => words::warn(&[format!("these records do not count as they are: {doubt}")]),
    }
    match args.output {
        None => {
            let look = records::look(&cluster, &plan, &journal, &entries).await?;
            words::result(&words::status_text(&plan, journal.state(), &entries, &look));
        }
        Some(format) => print(format, &json!({ "plan": plan, "journal": entries })),
    }
    Ok(())
}

/// At most so many runs are looked at side by side.
const LOOKS_MAX: usize = 8;

/// Records with where their runs stand, for those whose labels do not say that they ended.
async fn looked_at(cluster: &Connection, found: Vec<Value>) -> Vec<(Value, Option<Look>)> {
    let looks = found.into_iter().map(|record| async {
        let state = record["metadata"]["labels"][marks::STATE].as_str();
        let has_ended = state.is_some_and(|state| ENDED.contains(&state));
        let look = if has_ended { None } else { look_at(cluster, &record).await };
        (record, look)
    });
    stream::iter(looks).buffered(LOOKS_MAX).collect().await
}

/// Labels of runs that have ended.
const ENDED: [&str; 2] = ["completed", "undone"];

async fn look_at(cluster: &Connection, record: &Value) -> Option<Look> {
    let (run, namespace) = (records::run_of(record)?, record["metadata"]["namespace"].as_str()?);
    let (plan, journal) = records::of_run(cluster, namespace, &run).await.ok()??;
    let entries = Journal::entries(cluster, namespace, &run).await.ok()?;
    records::look(cluster, &plan, &journal, &entries).await.ok()
}

fn print(format: Format, value: &Value) {
    words::result(&match format {
        Format::Json => serde_json::to_string_pretty(value).expect("it has only string keys"),
        Format::Yaml => serde_saphyr::to_string(value).expect("it has only string keys"),
    });
}
