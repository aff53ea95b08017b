//! `kubectl stateful finalize`: deletes what a run kept, after asking.

use clap::Args;

use super::connection::ConnectionArgs;
use super::execute::{VouchArgs, executor};
use super::plan::run_id;
use crate::journal::lease::Lease;
use crate::operate::failure::{CommandError, Kind};
use crate::operate::finalize::{self, FinalizeError};
use crate::operate::{Record, Way, trust};
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
    let word = args.vouch.word();
    let Record { plan, journal, basis: _ } = trust::record(&cluster, &namespace, &args.run, Way::Undo, &word).await?;
    let volumes = finalize::kept(&cluster, &plan, &journal).await.map_err(|error| refused(error, &namespace))?;
    words::say(&words::finalize_text(&plan, &volumes));
    words::confirm(args.yes)?;
    let lease = Lease::take(&cluster, &plan.app, &args.run, &executor()).await?;
    let finalized = finalize::finalize(&cluster, &volumes, journal).await.map_err(|error| refused(error, &namespace));
    lease.release().await;
    finalized?;
    words::result(&format!("run {} is finalized: {} volumes deleted\n", args.run, volumes.len()));
    Ok(())
}

fn refused(error: FinalizeError, namespace: &str) -> CommandError {
    let what = error.to_string();
    match error {
        FinalizeError::NotEnded(run) => CommandError::new(Kind::Refused, format!("refused: {what}")).hinted(format!(
            "go on with `kubectl stateful execute --resume {run} -n {namespace}`, or go back with `kubectl stateful undo {run} -n {namespace}`"
        )),
        FinalizeError::Foreign { volume, .. } | FinalizeError::NotSettled { volume, .. } | FinalizeError::InUse { volume, .. } => {
            CommandError::new(Kind::Refused, format!("refused: {what}")).hinted(format!("see it with `kubectl describe pv {volume}`"))
        }
        FinalizeError::Remains { volume, .. } => {
            CommandError::new(Kind::Halted, what).hinted(format!("see why with `kubectl describe pv {volume}`, then finalize again"))
        }
        FinalizeError::Journal(error) => error.into(),
        FinalizeError::Api(error) => error.into(),
    }
}
