//! `kubectl stateful execute`: carries out a plan, a move that is planned on the spot, or a run that stopped.

use std::io::Read;
use std::path::Path;

use clap::{Args, ValueEnum};

use super::connection::ConnectionArgs;
use super::plan::{MoveArgs, Planned, make, run_id};
use super::signals::Signals;
use crate::cluster::{Connection, survey};
use crate::engine::{Ending, Listener, Run, Trouble};
use crate::error::{CommandError, Kind};
use crate::journal::lease::Lease;
use crate::journal::{Entry, Journal};
use crate::plan::{Plan, RunId, file};
use crate::planner;
use crate::steps::World;
use crate::ui;

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
    /// Do not ask
    #[arg(short = 'y', long)]
    yes: bool,
    /// Print events as JSON lines
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Events>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Events {
    Jsonl,
}

pub(super) async fn run(args: ExecuteArgs, connection: &ConnectionArgs) -> Result<(), CommandError> {
    let cluster = connection.open().await?;
    let namespace = connection.namespace(&cluster);
    let listener = ui::listener(args.output.is_some());
    if let Some(run) = &args.resume {
        let plan = Journal::read_plan(&cluster, &namespace, run).await?;
        return carry_out(&cluster, &plan, Way::Resume, listener.as_ref()).await;
    }
    if let Some(path) = plan_file(&args.what.words) {
        let plan = read(path)?;
        same_cluster(&cluster, &plan)?;
        has_not_drifted(&cluster, &plan).await?;
        return carry_out(&cluster, &plan, Way::Begin, listener.as_ref()).await;
    }
    let planned = make(&args.what, &cluster, &namespace).await;
    ui::warn(&cluster.warnings().take());
    match planned? {
        Planned::Unchanged(why) => {
            ui::say(&format!("Nothing to do: {why}."));
            Ok(())
        }
        Planned::Plan(plan, seen) => {
            ui::say(&ui::plan_text(&plan, &seen));
            ui::confirm(args.yes)?;
            carry_out(&cluster, &plan, Way::Begin, listener.as_ref()).await
        }
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
        CommandError::new(Kind::Error, format!("cannot read plan file `{path}`: {error}"))
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

fn same_cluster(cluster: &Connection, plan: &Plan) -> Result<(), CommandError> {
    if cluster.address() == plan.cluster {
        return Ok(());
    }
    let why = format!("refused: the plan was made for cluster {}, this is {}", plan.cluster, cluster.address());
    Err(CommandError::new(Kind::Refused, why).hinted("choose the right one with `--context`, or plan anew"))
}

/// Plans again from what is there now: a plan that comes out otherwise is not carried out.
async fn has_not_drifted(cluster: &Connection, plan: &Plan) -> Result<(), CommandError> {
    let named = survey::Named { kind: plan.app.kind, name: plan.app.name.clone() };
    let seen = survey::survey(cluster, &plan.app.namespace, &named).await?;
    let now = planner::plan(&plan.request, &seen, cluster.address())?;
    if now == *plan {
        return Ok(());
    }
    let difference = ui::difference(&file::to_yaml(plan), &file::to_yaml(&now));
    let why = format!("refused: the cluster has changed since the plan was made\n{difference}");
    Err(CommandError::new(Kind::Refused, why).hinted("plan anew and review it"))
}

/// How a run is taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From its beginning.
    Begin,
    /// Where it stopped.
    Resume,
    /// Back.
    Undo,
}

/// Takes the lease, drives the run to an ending and says what came of it.
pub(super) async fn carry_out(cluster: &Connection, plan: &Plan, way: Way, listener: &dyn Listener) -> Result<(), CommandError> {
    let executor = executor();
    let lease = Lease::take(cluster, &plan.app, plan.run(), &executor).await?;
    let driven = drive(cluster, plan, way, listener, lease.clone(), executor).await;
    lease.release().await;
    ui::warn(&cluster.warnings().take());
    let (ending, signals) = driven?;
    let entries = Journal::entries(cluster, &plan.app.namespace, plan.run()).await.unwrap_or_default();
    let verdict = verdict(plan, way, &ending, &entries, &signals);
    ui::ended(listener, plan, &ending, verdict.as_ref().err().map_or(0, |error| error.kind.exit_code()));
    verdict
}

async fn drive(
    cluster: &Connection,
    plan: &Plan,
    way: Way,
    listener: &dyn Listener,
    lease: Lease,
    executor: String,
) -> Result<(Ending, Signals), CommandError> {
    let journal = match way {
        Way::Begin => Journal::create(cluster, plan).await?,
        Way::Resume | Way::Undo => Journal::open(cluster, &plan.app.namespace, plan.run()).await?,
    };
    let world = World::within(cluster, plan);
    let signals = Signals::new();
    let run = Run::new(plan, &world, journal, lease, executor, listener, signals.count.clone());
    let ending = match way {
        Way::Begin | Way::Resume => signals.during(run.execute()).await?,
        Way::Undo => signals.during(run.undo()).await?,
    };
    Ok((ending, signals))
}

/// Who executes: unique to this process.
pub(super) fn executor() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}-{}-{}", std::process::id(), super::plan::new_run_id())
}

/// What an ending means to whoever called.
fn verdict(plan: &Plan, way: Way, ending: &Ending, entries: &[Entry], signals: &Signals) -> Result<(), CommandError> {
    let run = plan.run();
    let resume = format!("go on with `kubectl stateful execute --resume {run} -n {}`", plan.app.namespace);
    let back = format!("go back with `kubectl stateful undo {run} -n {}`", plan.app.namespace);
    match ending {
        Ending::Completed => {
            ui::result(&ui::completed_text(plan, entries));
            Ok(())
        }
        Ending::Undone(None) => {
            ui::result(&ui::undone_text(plan));
            if way == Way::Undo { Ok(()) } else { Err(CommandError::silent(Kind::RolledBack)) }
        }
        Ending::Undone(Some(trouble)) => {
            let error = CommandError::new(Kind::RolledBack, format!("the move failed and was taken back: {trouble}"));
            let error = error.maybe_hinted(hint_of(trouble));
            Err(error.hinted(format!("{} runs on its source volumes as before; nothing of run {run} is left", plan.app.reference())))
        }
        Ending::Halted(trouble) => {
            let kind = match trouble {
                Trouble::Interrupted => signals.kind(),
                Trouble::Journal(_) => Kind::Refused,
                _ => Kind::Halted,
            };
            let error = CommandError::new(kind, format!("the move stopped: {trouble}")).maybe_hinted(hint_of(trouble));
            Err(error.hinted(resume).hinted(back))
        }
        Ending::Stuck { because, trouble, remains } => {
            let first = because.as_ref().map(|because| format!(" (it went back because {because})")).unwrap_or_default();
            let mut error = CommandError::new(Kind::Stuck, format!("going back stopped: {trouble}{first}")).maybe_hinted(hint_of(trouble));
            for remaining in remains {
                error = error.hinted(format!("still to do: {remaining}"));
            }
            Err(error.hinted(format!("when the cause is gone, {back}")))
        }
    }
}

fn hint_of(trouble: &Trouble) -> Option<String> {
    match trouble {
        Trouble::Step { hint, .. } => hint.clone(),
        _ => None,
    }
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
