//! `kubectl stateful undo`: goes back, at any stage of a run.

use clap::Args;

use super::connection::ConnectionArgs;
use super::environment::mover_image;
use super::move_args::{AssuranceArgs, VouchArgs};
use super::terminal::Terminal;
use super::values::run_id;
use crate::operate::Assurances;
use crate::operate::failure::CommandError;
use crate::operate::undo::{self, UndoCommand};
use crate::plan::RunId;

/// Go back to how it was before a run
///
/// A run that has not cut over is taken back step by step. After the cut-over the app moves back to its old volumes, and what it
/// wrote since is copied there first.
#[derive(Debug, Args)]
pub(super) struct UndoArgs {
    /// The run
    #[arg(value_name = "RUN", value_parser = run_id)]
    run: RunId,
    /// Give up what the app wrote since the cut-over
    #[arg(long)]
    discard_new_writes: bool,
    #[command(flatten)]
    vouch: VouchArgs,
    /// The image of the mover pods; that of the run if not given
    #[arg(long, value_name = "IMAGE")]
    mover_image: Option<String>,
    #[command(flatten)]
    given: AssuranceArgs,
    /// Do not ask
    #[arg(short = 'y', long)]
    yes: bool,
}

impl UndoArgs {
    fn command(&self) -> UndoCommand<'_> {
        UndoCommand {
            run: &self.run,
            assurances: Assurances {
                applier_is_paused: self.given.applier_is_paused,
                network_is_open: self.given.network_is_open,
                accept_outage_secs: self.given.accept_outage_secs(),
                ..self.vouch.assurances()
            },
            discard_new_writes: self.discard_new_writes,
            mover_image: self.mover_image.clone(),
            mover_image_expected: mover_image(self.mover_image.as_deref()),
        }
    }
}

pub(super) async fn run(args: UndoArgs, connection: &ConnectionArgs) -> Result<(), CommandError> {
    let cluster = connection.open().await?;
    let namespace = connection.namespace(&cluster);
    undo::undo(&cluster, &namespace, &args.command(), &Terminal::asking(args.yes)).await
}
