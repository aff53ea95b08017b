//! `kubectl stateful status`: which runs there are, and where one stands. Changes nothing.

use clap::Args;
use serde_json::{Value, json};

use super::connection::ConnectionArgs;
use super::plan::{Format, run_id};
use crate::cluster::Kind;
use crate::error::CommandError;
use crate::journal::Journal;
use crate::operate::{Basis, Way, Word, trust};
use crate::plan::{RunId, marks};
use crate::ui;

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
            None => ui::result(&ui::runs_text(&found, args.all_namespaces)),
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
            ui::warn(&["no volume bears the marks of this run: what follows is what its records say, and nothing else".to_owned()]);
        }
        Err(doubt) => ui::warn(&[format!("these records do not count as they are: {doubt}")]),
    }
    match args.output {
        None => ui::result(&ui::status_text(&plan, journal.state(), &entries)),
        Some(format) => print(format, &json!({ "plan": plan, "journal": entries })),
    }
    Ok(())
}

fn print(format: Format, value: &Value) {
    ui::result(&match format {
        Format::Json => serde_json::to_string_pretty(value).expect("it has only string keys"),
        Format::Yaml => serde_saphyr::to_string(value).expect("it has only string keys"),
    });
}
