//! The command line: arguments in, one function a subcommand. What a command does is in `operate`.

mod connection;
mod document;
mod environment;
mod execute;
mod finalize;
mod fresh;
mod move_args;
mod plan;
mod signals;
mod status;
mod stop_signals;
mod terminal;
mod undo;
mod values;
mod verify;

use clap::{Parser, Subcommand, ValueEnum};

use environment::variable;

use crate::operate::failure::CommandError;
use crate::words;

/// Change the storage class of a running stateful app, with proof and a way back
///
/// Moves a StatefulSet, Deployment, Pod or claim with its data to another storage class. `plan` shows every change before it
/// happens. `execute` copies the data while the app runs, stops the app for the last changes, proves the copy and cuts over. The old volumes
/// are kept, and `undo` goes back at any moment.
#[derive(Debug, Parser)]
#[command(name = "kubectl stateful", bin_name = "kubectl stateful", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: connection::ConnectionArgs,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    color: Colour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    Plan(plan::PlanArgs),
    Execute(execute::ExecuteArgs),
    Status(status::StatusArgs),
    Undo(undo::UndoArgs),
    Finalize(finalize::FinalizeArgs),
    Verify(verify::VerifyArgs),
}

impl Cli {
    /// Runs the command to its end.
    ///
    /// # Errors
    ///
    /// With the exit code and what to say about it.
    pub async fn run(self) -> Result<(), CommandError> {
        words::set_colours(colours(self.color));
        let connection = self.connection;
        match self.command {
            Command::Plan(args) => plan::run(args, &connection).await,
            Command::Execute(args) => execute::run(args, &connection).await,
            Command::Status(args) => status::run(args, &connection).await,
            Command::Undo(args) => undo::run(args, &connection).await,
            Command::Finalize(args) => finalize::run(args, &connection).await,
            Command::Verify(args) => verify::run(args, &connection).await,
        }
    }
}

/// `--color` before `NO_COLOR` before `CLICOLOR_FORCE`; none: as the terminal is.
fn colours(asked: Colour) -> Option<bool> {
    match asked {
        Colour::Always => Some(true),
        Colour::Never => Some(false),
        Colour::Auto if variable("NO_COLOR").is_some() => Some(false),
        Colour::Auto if variable("CLICOLOR_FORCE").is_some_and(|force| force != "0") => Some(true),
        Colour::Auto if variable("TERM").is_none_or(|term| term == "dumb") => Some(false),
        Colour::Auto => None,
    }
}
