//! `kubectl stateful finalize`: deletes what a run kept, after asking.

use clap::Args;

use super::connection::ConnectionArgs;
use super::move_args::VouchArgs;
use super::terminal::Terminal;
use super::values::run_id;
use crate::operate::failure::CommandError;
use crate::operate::finalize;
use crate::plan::RunId;
use crate::words;

/// Delete the old volumes of a run, with their data, and its journal
#[derive(Debug, Args)]
pub(super) struct FinalizeArgs {
    /// The run
    #[arg(value_name = "RUN", value_parser = run_id)]
    run: RunId,
    #[command(flatten)]
    vouch: VouchArgs,
    /// Do not ask
    #[arg(short = 'y', long)]
    yes: bool,
}

pub(super) async fn run(args: FinalizeArgs, connection: &ConnectionArgs) -> Result<(), CommandError> {
    let cluster = connection.open().await?;
    let namespace = connection.namespace(&cluster);
    let deleted = finalize::finalize(&cluster, &namespace, &args.run, &args.vouch.assurances(), &Terminal::asking(args.yes)).await?;
    words::result(&words::finalized_text(&args.run, deleted));
    Ok(())
}
