//! `kubectl stateful plan`: shows every change before it happens. Changes nothing.

use std::path::{Path, PathBuf};

use clap::Args;

use super::connection::ConnectionArgs;
use super::document::DocumentFormat;
use super::fresh;
use super::move_args::MoveArgs;
use super::terminal::Terminal;
use crate::operate::caller::{Caller, Remark};
use crate::operate::exit::ExitClass;
use crate::operate::failure::CommandError;
use crate::operate::plan::{self, PlanOutcome};
use crate::plan::file;
use crate::survey::Survey;
use crate::survey::file::{self as survey_file, Document, SurveyFileError};
use crate::words;

/// Show what a move would do, step by step, and how each step is undone
///
/// Examples:
///   # Show how StatefulSet pg would move to storage class fast
///   kubectl stateful plan sts/pg --to-storage-class fast
///
///   # Save the plan, to be reviewed and executed as it is
///   kubectl stateful plan sts/pg --to-storage-class fast --out plan.yaml
///
///   # Save what the plan is made from, for a bug report, and plan from it without the cluster
///   kubectl stateful plan sts/pg --to-storage-class fast --save-survey survey.yaml
///   kubectl stateful plan --survey survey.yaml --to-storage-class fast
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    what: MoveArgs,
    /// Print the plan as a file
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<DocumentFormat>,
    /// Write the plan to a file
    #[arg(long, value_name = "FILENAME")]
    out: Option<PathBuf>,
    /// Write what was seen in the cluster to a file, without what may be secret
    #[arg(long, value_name = "FILENAME")]
    save_survey: Option<PathBuf>,
    /// Plan from such a file instead, without a cluster; the plan is to look at, not to execute
    #[arg(long, value_name = "FILENAME", conflicts_with_all = ["words", "selector", "save_survey", "out"])]
    survey: Option<PathBuf>,
    /// Exit with 2 when the plan has changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// Exit with 3 when there is nothing to do
    #[arg(long)]
    error_unchanged: bool,
}

pub(super) async fn run(args: PlanArgs, connection: &ConnectionArgs) -> Result<(), CommandError> {
    let terminal = Terminal::asking(false);
    let planned = match &args.survey {
        Some(path) => from_file(&args.what, path, connection),
        None => from_cluster(&args, connection, &terminal).await,
    };
    let (plan, survey) = match planned? {
        PlanOutcome::Plan(plan, survey) => (plan, survey),
        PlanOutcome::NothingToDo(nothing) => {
            terminal.tell(&Remark::NothingToDo(&nothing));
            return if args.error_unchanged { Err(CommandError::silent(ExitClass::Unchanged)) } else { Ok(()) };
        }
    };
    match (args.output, &args.out) {
        (Some(DocumentFormat::Yaml), _) => words::result(&file::to_yaml(&plan)),
        (Some(DocumentFormat::Json), _) => words::result(&file::to_json(&plan)),
        (None, _) => words::result(&words::plan_text(&plan, &survey)),
    }
    if let Some(path) = &args.out {
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let text = if is_json { file::to_json(&plan) } else { file::to_yaml(&plan) };
        write(path, &text)?;
        words::say(&format!("Execute it with `kubectl stateful execute {}`", path.display()));
    }
    if args.detailed_exitcode { Err(CommandError::silent(ExitClass::Changes)) } else { Ok(()) }
}

async fn from_cluster(args: &PlanArgs, connection: &ConnectionArgs, terminal: &Terminal) -> Result<PlanOutcome, CommandError> {
    let cluster = connection.open().await?;
    let namespace = connection.namespace(&cluster);
    let keep = |survey: &Survey| args.save_survey.as_ref().map_or(Ok(()), |path| save(survey, path));
    plan::plan(&cluster, &args.what.command(&namespace)?, keep, terminal).await
}

/// Writes what was seen to a file, and says so.
fn save(survey: &Survey, path: &Path) -> Result<(), CommandError> {
    write(path, &survey_file::to_yaml(survey, &fresh::now(), env!("CARGO_PKG_VERSION")))?;
    words::say(&words::survey_saved_text(&path.to_string_lossy()));
    Ok(())
}

/// Plans from a survey that was saved. Nothing is asked of a cluster, so that what says which one is refused.
fn from_file(args: &MoveArgs, path: &Path, connection: &ConnectionArgs) -> Result<PlanOutcome, CommandError> {
    if let Some(flag) = connection.given().first() {
        let why = format!("`{flag}` has no effect beside `--survey`, which connects to no cluster");
        return Err(
            CommandError::new(ExitClass::Error, why).hinted(format!("leave out `{flag}`, or leave out `--survey` to ask the cluster"))
        );
    }
    let Document { made_at, made_by, survey, .. } = read_survey(path)?;
    words::say(&words::survey_head_text(&path.to_string_lossy(), &made_at, &made_by));
    plan::judge(&args.request()?, survey, "")
}

fn read_survey(path: &Path) -> Result<Document, CommandError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        CommandError::new(ExitClass::Error, format!("cannot read survey `{}`: {error}", path.display())).hinted(HOW_TO_SURVEY)
    })?;
    survey_file::read(&text).map_err(|error| {
        let hint = match error {
            SurveyFileError::Syntax(_) | SurveyFileError::Kind(_) => HOW_TO_SURVEY,
            SurveyFileError::Version { .. } => "use the version of kubectl-stateful that made it, or make another one",
        };
        CommandError::new(ExitClass::Error, format!("`{}` cannot be used: {error}", path.display())).hinted(hint)
    })
}

const HOW_TO_SURVEY: &str = "make one with `kubectl stateful plan … --save-survey survey.yaml`";

fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    std::fs::write(path, text).map_err(|error| {
        CommandError::new(ExitClass::Error, format!("cannot write `{}`: {error}", path.display()))
            .hinted("name a file in a folder of yours")
    })
}
