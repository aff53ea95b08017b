//! `kubectl stateful status`: which runs there are, and where one stands. Changes nothing.

use clap::Args;
use serde_json::{Value, json};

use super::connection::ConnectionArgs;
use super::document::DocumentFormat;
use super::values::run_id;
use crate::operate::failure::CommandError;
use crate::operate::status::{self, RecordDetail, RunRecord};
use crate::plan::RunId;
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
    output: Option<DocumentFormat>,
}

pub(super) async fn run(args: StatusArgs, connection: &ConnectionArgs) -> Result<(), CommandError> {
    let cluster = connection.open().await?;
    let namespace = connection.namespace(&cluster);
    let Some(run) = &args.run else {
        let scope = (!args.all_namespaces).then_some(namespace.as_str());
        match args.output {
            None => {
                let found = status::records_of(&cluster, scope, RecordDetail::Metadata).await?;
                words::result(&words::runs_text(&status::looked_at(&cluster, found).await, args.all_namespaces));
            }
            Some(format) => print(format, &json!(status::records_of(&cluster, scope, RecordDetail::Whole).await?)),
        }
        return Ok(());
    };
    let record = status::read(&cluster, &namespace, run).await?;
    words::warn_of_records(&record.basis);
    let RunRecord { plan, journal, entries, basis: _ } = &record;
    match args.output {
        None => words::result(&words::status_text(plan, journal.state(), entries, &record.status(&cluster).await?)),
        Some(format) => print(format, &json!({ "plan": plan, "journal": entries })),
    }
    Ok(())
}

fn print(format: DocumentFormat, value: &Value) {
    words::result(&match format {
        DocumentFormat::Json => serde_json::to_string_pretty(value).expect("it has only string keys"),
        DocumentFormat::Yaml => serde_saphyr::to_string(value).expect("it has only string keys"),
    });
}
