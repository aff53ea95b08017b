//! `kubectl stateful execute`: carries out a plan, a move that is planned on the spot, or a run that stopped.

use std::io::Read;
use std::path::Path;

use clap::{Args, ValueEnum};

use super::connection::ConnectionArgs;
use super::plan::{MoveArgs, Planned, make, run_id};
use super::signals::Signals;
use crate::cluster::Connection;
use crate::engine::{Ending, Listener, Trouble};
use crate::error::{CommandError, Kind};
use crate::journal::{Entry, Journal, process};
use crate::operate::{self, Basis, Executor, Way, Word, trust};
use crate::plan::{Plan, RunId, file};
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
    #[command(flatten)]
    vouch: VouchArgs,
    /// Do not ask
    #[arg(short = 'y', long)]
    yes: bool,
    /// Print events as JSON lines
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Events>,
}

/// What stands up for the records of a run that was begun by an earlier version.
#[derive(Clone, Debug, Args)]
pub(super) struct VouchArgs {
    /// The digest of the run's plan, which you have read: for a run begun by a version that left none on its volumes
    #[arg(long, value_name = "BLAKE3")]
    plan_digest: Option<String>,
}

impl VouchArgs {
    /// What counts of what the user says about a run that is read back.
    pub(super) fn word(&self) -> Word {
        Word { plan_digest: self.plan_digest.clone(), ..Word::default() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Events {
    Jsonl,
}

pub(super) async fn run(args: ExecuteArgs, connection: &ConnectionArgs) -> Result<(), CommandError> {
    let cluster = connection.open().await?;
    let namespace = connection.namespace(&cluster);
    let listener = ui::listener(args.output.is_some());
    let word = Word { plan_digest: args.vouch.plan_digest.clone(), ..args.what.word() };
    if let Some(run) = &args.resume {
        let record = trust::record(&cluster, &namespace, run, Way::Resume, &word).await?;
        if record.basis == Basis::Ended {
            ui::say(&format!("Nothing to do: the records of run {run} say that it has ended, and nothing of it is on any volume."));
            return Ok(());
        }
        ui::say(&ui::resume_text(&record));
        ui::confirm(args.yes)?;
        return carry_out(&cluster, &record.plan, Way::Resume, &word, listener.as_ref()).await;
    }
    if let Some(path) = plan_file(&args.what.words) {
        let plan = read(path)?;
        let seen = trust::as_planned_now(&cluster, &plan, &word).await?;
        ui::say(&ui::plan_text(&plan, &seen));
        ui::confirm(args.yes)?;
        return carry_out(&cluster, &plan, Way::Begin, &word, listener.as_ref()).await;
    }
    let planned = make(&args.what, &cluster, &namespace, None).await;
    ui::warn(&cluster.warnings().take());
    match planned? {
        Planned::Unchanged(why) => {
            ui::say(&format!("Nothing to do: {why}."));
            Ok(())
        }
        Planned::Plan(plan, seen) => {
            ui::say(&ui::plan_text(&plan, &seen));
            ui::confirm(args.yes)?;
            carry_out(&cluster, &plan, Way::Begin, &word, listener.as_ref()).await
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

/// Drives the run to an ending and says what came of it.
pub(super) async fn carry_out(
    cluster: &Connection,
    plan: &Plan,
    way: Way,
    word: &Word,
    listener: &dyn Listener,
) -> Result<(), CommandError> {
    let signals = Signals::new();
    let executor = Executor { connection: cluster, name: executor(), listener, interrupts: signals.count.clone(), word };
    let carried_out = signals.during(operate::carry_out(executor, plan, way)).await?;
    ui::warn(&cluster.warnings().take());
    let ending = carried_out?;
    let entries = Journal::entries(cluster, plan.namespace(), plan.run()).await.unwrap_or_default();
    let verdict = verdict(plan, way, &ending, &entries, &signals);
    ui::ended(listener, plan, &ending, verdict.as_ref().err().map_or(0, |error| error.kind.exit_code()));
    verdict
}

/// Who executes: unique to this process.
pub(super) fn executor() -> String {
    process::name(&super::plan::new_run_id().0)
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
