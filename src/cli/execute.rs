//! `kubectl stateful execute`: carries out a plan, a move that is planned on the spot, or a run that stopped.

use std::io::Read;
use std::path::Path;

use clap::{Args, ValueEnum};

use super::connection::ConnectionArgs;
use super::expiry;
use super::plan::{MoveArgs, Planned, make, run_id};
use super::signals::Signals;
use crate::cluster::Connection;
use crate::engine::{Ending, Listener, Trouble};
use crate::journal::outage::down_since;
use crate::journal::{Entry, Journal, Outcome, process};
use crate::operate::failure::{CommandError, Kind};
use crate::operate::{self, Basis, Executor, Record, Way, Word, records, trust};
use crate::plan::{Destination, Plan, RunId, file};
use crate::words;

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

/// Refuses what would have no effect beside a plan that was made already.
fn refuse_options(args: &ExecuteArgs) -> Result<(), CommandError> {
    let beside = match (&args.resume, plan_file(&args.what.words)) {
        (Some(run), _) => format!("`--resume {run}`"),
        (None, Some(path)) => format!("plan file `{path}`"),
        (None, None) if args.vouch.plan_digest.is_some() => {
            let why = "`--plan-digest` has no effect on a plan that is made now";
            return Err(CommandError::new(Kind::Error, why).hinted("leave it out, or name the run with `--resume RUN`"));
        }
        (None, None) => return Ok(()),
    };
    let Some(option) = args.what.shaping().first().copied() else { return Ok(()) };
    let why = format!("`{option}` has no effect beside {beside}: a run is carried out as it was planned");
    Err(CommandError::new(Kind::Error, why).hinted(format!("leave out `{option}`, or plan anew with it")))
}

/// Refuses a plan for another namespace than the one that was asked for.
fn refuse_namespace(plan: &Plan, connection: &ConnectionArgs) -> Result<(), CommandError> {
    match connection.asked_namespace().filter(|asked| *asked != plan.namespace()) {
        Some(asked) => {
            let why = format!("the plan is for namespace `{}`, and `--namespace {asked}` names another one", plan.namespace());
            Err(CommandError::new(Kind::Error, why).hinted("leave out `--namespace`, or plan anew"))
        }
        None => Ok(()),
    }
}

pub(super) async fn run(args: ExecuteArgs, connection: &ConnectionArgs) -> Result<(), CommandError> {
    refuse_options(&args)?;
    let cluster = connection.open().await?;
    let namespace = connection.namespace(&cluster);
    let listener = words::listener(args.output.is_some());
    let word = Word { plan_digest: args.vouch.plan_digest.clone(), ..args.what.word() };
    if let Some(run) = &args.resume {
        let record = trust::record(&cluster, &namespace, run, Way::Resume, &word).await?;
        if record.basis == Basis::Ended {
            words::say(&format!("Nothing to do: the records of run {run} say that it has ended, and nothing of it is on any volume."));
            return Ok(());
        }
        refuse_completed(&cluster, &record).await?;
        words::say(&words::resume_text(&record));
        words::confirm(args.yes)?;
        return carry_out(&cluster, &record.plan, Way::Resume, &word, listener.as_ref()).await;
    }
    if let Some(path) = plan_file(&args.what.words) {
        let plan = read(path)?;
        refuse_namespace(&plan, connection)?;
        if let Some(done) = begun_before(&cluster, &plan).await? {
            words::say(&done);
            return Ok(());
        }
        let seen = trust::as_planned_now(&cluster, &plan, &word).await?;
        expiry::refuse(cluster.expiry(), &plan, &seen)?;
        words::say(&words::plan_text(&plan, &seen));
        words::confirm(args.yes)?;
        return carry_out(&cluster, &plan, Way::Begin, &word, listener.as_ref()).await;
    }
    let planned = make(&args.what, &cluster, &namespace, None).await;
    words::warn(&cluster.warnings().take());
    match planned? {
        Planned::Unchanged(why) => {
            words::say(&format!("Nothing to do: {why}."));
            Ok(())
        }
        Planned::Plan(plan, seen) => {
            expiry::refuse(cluster.expiry(), &plan, &seen)?;
            words::say(&words::plan_text(&plan, &seen));
            words::confirm(args.yes)?;
            carry_out(&cluster, &plan, Way::Begin, &word, listener.as_ref()).await
        }
    }
}

/// What there is to say of a plan whose run was begun before, if there is nothing to do. That it cannot be begun again is an error.
async fn begun_before(cluster: &Connection, plan: &Plan) -> Result<Option<String>, CommandError> {
    let (run, namespace) = (plan.run(), plan.namespace());
    let begun = match records::of_run(cluster, namespace, run).await? {
        Some((there, journal)) if there == *plan => journal,
        Some(_) => return Err(super::plan::name_is_taken(run, namespace)),
        None => return Ok(None),
    };
    let refused = |why: String| CommandError::new(Kind::Refused, format!("refused: {why}"));
    let state = begun.state();
    let anew = format!("plan anew; see what became of it with `kubectl stateful status {run} -n {namespace}`");
    match state.outcome {
        Some(Outcome::Undone) => Err(refused(format!("run `{run}` of this plan was carried out and taken back")).hinted(anew)),
        Some(Outcome::Completed) => match records::way_back(cluster, plan).await? {
            Some(back) => {
                Err(refused(format!("run `{run}` of this plan was completed, then run `{}` took the app back", back.plan.run()))
                    .hinted(anew))
            }
            None => Ok(Some(format!("Nothing to do: run {run} of this plan has completed."))),
        },
        // Its plan was stored and nothing was done.
        None if state.sequence == 0 => Ok(None),
        None => {
            let how = format!("see where it stands with `kubectl stateful status {run} -n {namespace}`");
            let on = format!("if nobody carries it out, go on with `kubectl stateful execute --resume {run} -n {namespace}`");
            Err(refused(format!("run `{run}` of this plan has begun and not ended")).hinted(how).hinted(on))
        }
    }
}

/// Refuses to go on with a run that has completed, while or after another one takes the app back.
async fn refuse_completed(cluster: &Connection, record: &Record) -> Result<(), CommandError> {
    if record.journal.state().outcome != Some(Outcome::Completed) {
        return Ok(());
    }
    let Some(back) = records::way_back(cluster, &record.plan).await? else { return Ok(()) };
    let (run, other, namespace) = (record.plan.run(), back.plan.run(), record.plan.namespace());
    let down = back.down_since().map(|since| format!("; THE APP IS DOWN, or not ready, since {since}")).unwrap_or_default();
    Err(match back.journal.state().outcome {
        Some(_) => CommandError::new(Kind::Refused, format!("refused: run `{run}` was completed, then run `{other}` took the app back"))
            .hinted(format!("see it with `kubectl stateful status {other} -n {namespace}`")),
        None => CommandError::new(Kind::Refused, format!("refused: run `{run}` was completed, and run `{other}` takes the app back{down}"))
            .hinted(format!("go on with it by `kubectl stateful execute --resume {other} -n {namespace}`")),
    })
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
    words::warn(&cluster.warnings().take());
    let ending = carried_out?;
    let entries = Journal::entries(cluster, plan.namespace(), plan.run()).await.unwrap_or_default();
    if let (Ending::Completed, Destination::KeptVolumes { run, .. }) = (&ending, &plan.request.destination) {
        records::label_undone(cluster, plan.namespace(), run).await;
    }
    let verdict = verdict(plan, way, &ending, &entries, &signals);
    words::ended(listener, plan, &ending, verdict.as_ref().err().map_or(0, |error| error.kind.exit_code()));
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
            words::result(&words::completed_text(plan, entries));
            Ok(())
        }
        Ending::Undone(None) => {
            words::result(&words::undone_text(plan));
            if way == Way::Undo { Ok(()) } else { Err(CommandError::silent(Kind::RolledBack)) }
        }
        Ending::Undone(Some(trouble)) => {
            let error = CommandError::new(Kind::RolledBack, format!("the move failed and was taken back: {trouble}"));
            let error = error.maybe_hinted(hint_of(trouble));
            Err(error.hinted(format!("{} is on its source volumes as before; nothing of run {run} is left", plan.app.reference())))
        }
        Ending::Halted(trouble) => {
            let kind = match trouble {
                Trouble::Interrupted => signals.kind(),
                Trouble::Journal(_) => Kind::Refused,
                _ => Kind::Halted,
            };
            let error = CommandError::new(kind, format!("the move stopped: {trouble}{}", down(plan, entries)));
            Err(error.maybe_hinted(hint_of(trouble)).hinted(resume).hinted(back))
        }
        Ending::Stuck { because, trouble, remains } => {
            let first = because.as_ref().map(|because| format!(" (it went back because {because})")).unwrap_or_default();
            let what = format!("going back stopped: {trouble}{first}{}", down(plan, entries));
            let mut error = CommandError::new(Kind::Stuck, what).maybe_hinted(hint_of(trouble));
            for remaining in remains {
                error = error.hinted(format!("still to do: {remaining}"));
            }
            Err(error.hinted(format!("when the cause is gone, {back}")))
        }
    }
}

/// That the run left the app down, to be put behind a sentence.
fn down(plan: &Plan, entries: &[Entry]) -> String {
    down_since(plan, entries).map(|since| format!(". THE APP IS DOWN, or not ready, since {since}")).unwrap_or_default()
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
