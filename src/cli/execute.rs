//! `kubectl stateful execute`: carries out a plan, a move that is planned on the spot, or a run that stopped.

use std::io::Read;
use std::path::Path;

use clap::{Args, ValueEnum};

use super::connection::ConnectionArgs;
use super::move_args::{MoveArgs, VouchArgs};
use super::terminal::Terminal;
use super::values::run_id;
use crate::operate::exit::ExitClass;
use crate::operate::failure::CommandError;
use crate::operate::{Assurances, execute};
use crate::plan::{Plan, RunId, file};

/// Carry out a move, and prove it
///
/// Examples:
///   # Carry out a plan that was reviewed; refused if the cluster has changed since
///   kubectl stateful execute plan.yaml
///
///   # Plan, show, ask, and carry out
///   kubectl stateful execute sts/pg --to-storage-class fast
///
///   # Go on with a run that stopped, from any machine
///   kubectl stateful execute --resume RUN
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ExecuteArgs {
    #[command(flatten)]
    what: MoveArgs,
    /// Go on with a run that stopped
    #[arg(long, value_name = "RUN", value_parser = run_id, conflicts_with_all = ["words", "to_storage_class", "selector"])]
    resume: Option<RunId>,
    #[command(flatten)]
    vouch: VouchArgs,
    /// Do not ask
    #[arg(short = 'y', long)]
    yes: bool,
    /// Print events as JSON lines
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Events>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Events {
    Jsonl,
}

/// Refuses what would have no effect beside a plan that was made already.
fn refuse_options(args: &ExecuteArgs) -> Result<(), CommandError> {
    let beside = match (&args.resume, plan_file(&args.what.words)) {
        (Some(run), _) => format!("`--resume {run}`"),
        (None, Some(path)) => format!("plan file `{path}`"),
        (None, None) if args.vouch.plan_digest.is_some() => {
            let why = "`--plan-digest` has no effect on a plan that is made now";
            return Err(CommandError::new(ExitClass::Error, why).hinted("leave it out, or name the run with `--resume RUN`"));
        }
        (None, None) => return Ok(()),
    };
    let Some(option) = args.what.shaping().first().copied() else { return Ok(()) };
    let why = format!("`{option}` has no effect beside {beside}: a run is carried out as it was planned");
    Err(CommandError::new(ExitClass::Error, why).hinted(format!("leave out `{option}`, or plan anew with it")))
}

/// Refuses a plan for another namespace than the one that was asked for.
fn refuse_namespace(plan: &Plan, connection: &ConnectionArgs) -> Result<(), CommandError> {
    match connection.asked_namespace().filter(|asked| *asked != plan.namespace()) {
        Some(asked) => {
            let why = format!("the plan is for namespace `{}`, and `--namespace {asked}` names another one", plan.namespace());
            Err(CommandError::new(ExitClass::Error, why).hinted("leave out `--namespace`, or plan anew"))
        }
        None => Ok(()),
    }
}

pub(super) async fn run(args: ExecuteArgs, connection: &ConnectionArgs) -> Result<(), CommandError> {
    refuse_options(&args)?;
    let cluster = connection.open().await?;
    let namespace = connection.namespace(&cluster);
    let terminal = Terminal::with_events(args.yes, args.output.is_some());
    let assurances = Assurances { plan_digest: args.vouch.plan_digest.clone(), ..args.what.assurances() };
    match (&args.resume, plan_file(&args.what.words)) {
        (Some(run), _) => execute::resume(&cluster, &namespace, run, &assurances, &terminal).await,
        (None, Some(path)) => {
            let plan = read(path)?;
            refuse_namespace(&plan, connection)?;
            execute::execute(&cluster, &plan, &assurances, &terminal).await
        }
        (None, None) => execute::plan_and_execute(&cluster, &args.what.command(&namespace)?, &assurances, &terminal).await,
    }
}

/// The file a single word names: it ends like one, is `-`, or is there and is no `TYPE/NAME`.
fn plan_file(words: &[String]) -> Option<&str> {
    let [word] = words else { return None };
    let looks_so = word == "-" || [".yaml", ".yml", ".json"].iter().any(|ending| word.ends_with(ending));
    (looks_so || (!word.contains('/') && Path::new(word).is_file())).then_some(word)
}

fn read(path: &str) -> Result<Plan, CommandError> {
    let unreadable = |error: std::io::Error| {
        CommandError::new(ExitClass::Error, format!("cannot read plan file `{path}`: {error}"))
            .hinted("make one with `kubectl stateful plan … --out plan.yaml`")
    };
    let mut text = String::new();
    if path == "-" {
        std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
    } else {
        text = std::fs::read_to_string(path).map_err(unreadable)?;
    }
    Ok(file::read(&text)?)
}

#[cfg(test)]
mod tests {
    use super::plan_file;

    #[test]
    fn one_word_that_looks_like_a_file_is_one() {
        let file = |words: &[&str]| plan_file(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).is_some();
        assert!(file(&["plan.yaml"]) && file(&["-"]) && file(&["dir/plan.json"]) && file(&["Cargo.toml"]));
        assert!(!file(&["sts/pg"]) && !file(&["sts", "pg"]) && !file(&["pg"]) && !file(&[]));
    }
}
