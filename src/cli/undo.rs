//! `kubectl stateful undo`: goes back, at any stage of a run.

use clap::Args;

use super::connection::ConnectionArgs;
use super::execute::{VouchArgs, carry_out};
use super::expiry;
use super::plan::{WordArgs, mover_image, new_run_id, now, run_id};
use crate::cluster::{Connection, kept, read};
use crate::engine::{Listener, Run};
use crate::journal::{Journal, Outcome};
use crate::operate::failure::{CommandError, Kind};
use crate::operate::records::{self, WayBack};
use crate::operate::{Basis, Record, Way, Word, trust};
use crate::plan::{Plan, RunId};
use crate::planner::{self, going_back};
use crate::words;

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
    given: WordArgs,
    /// Do not ask
    #[arg(short = 'y', long)]
    yes: bool,
}

impl UndoArgs {
    /// What counts of a run that is read back on the user's word.
    fn word(&self) -> Word {
        Word { accept_outage_secs: self.given.accept_outage_secs(), ..self.vouch.word() }
    }

    /// An option that shapes a way back that is yet to be planned.
    fn of_a_new_way_back(&self) -> Option<&'static str> {
        let all = [
            ("--discard-new-writes", self.discard_new_writes),
            ("--applier-is-paused", self.given.applier_is_paused),
            ("--network-is-open", self.given.network_is_open),
        ];
        all.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option)
    }
}

pub(super) async fn run(args: UndoArgs, connection: &ConnectionArgs) -> Result<(), CommandError> {
    let cluster = connection.open().await?;
    let namespace = connection.namespace(&cluster);
    let word = args.word();
    let Record { plan, journal, basis } = trust::record(&cluster, &namespace, &args.run, Way::Undo, &word).await?;
    let listener = words::listener(false);
    if journal.state().outcome == Some(Outcome::Undone) {
        words::say(&format!("Nothing to do: run {} was undone.", args.run));
        return Ok(());
    }
    if let Some(back) = records::way_back(&cluster, &plan).await? {
        return go_on(&cluster, &plan, back, &args, listener.as_ref()).await;
    }
    if basis == Basis::NothingLeft {
        words::say(&words::closing_text(&plan));
        words::confirm(args.yes)?;
        return carry_out(&cluster, &plan, Way::Undo, &word, listener.as_ref()).await;
    }
    if !Run::app_may_have_written(&plan, journal.state()) {
        words::say(&words::undo_text(&plan, journal.state()));
        words::confirm(args.yes)?;
        return carry_out(&cluster, &plan, Way::Undo, &word, listener.as_ref()).await;
    }
    let is_cut_off = !Run::app_was_started(&plan, journal.state());
    if is_cut_off {
        words::say("The app was just being started on its new volumes; that is finished first, then it goes back.");
        words::confirm(args.yes)?;
        start_app(&cluster, &plan, &word, listener.as_ref()).await?;
    }
    let back = plan_back(&cluster, &plan, &args).await?;
    match words::confirm(args.yes) {
        Err(error) if is_cut_off => {
            let why = "not confirmed; the app was started on its new volumes, and stays there";
            return Err(CommandError::new(error.kind, why).hinted(format!(
                "go back with `kubectl stateful undo {} -n {}`",
                plan.run(),
                plan.namespace()
            )));
        }
        answer => answer?,
    }
    carry_out(&cluster, &back, Way::Begin, &word, listener.as_ref()).await
}

/// Goes on with the run that takes the app back already, if it has not ended.
async fn go_on(cluster: &Connection, plan: &Plan, back: WayBack, args: &UndoArgs, listener: &dyn Listener) -> Result<(), CommandError> {
    let (run, other) = (plan.run(), back.plan.run());
    if back.journal.state().outcome.is_some() {
        words::say(&format!("Nothing to do: run {run} was undone by run {other}."));
        return Ok(());
    }
    words::say(&format!("Run {run} is being undone by run {other}, which has not ended. That one is gone on with."));
    if let Some(option) = args.of_a_new_way_back() {
        let why = format!("`{option}` has no effect: run {other} takes the app back already, and is gone on with as it was planned");
        return Err(CommandError::new(Kind::Error, why).hinted(format!("leave out `{option}`")));
    }
    let word = Word { mover_image: mover_image(args.mover_image.as_deref()), ..args.word() };
    let record = trust::record(cluster, plan.namespace(), other, Way::Resume, &word).await?;
    words::say(&words::resume_text(&record));
    words::confirm(args.yes)?;
    carry_out(cluster, &record.plan, Way::Resume, &word, listener).await
}

/// Goes on with a run that was cut off while it started the app. That the app does not become ready is no hindrance to going back.
async fn start_app(cluster: &Connection, plan: &Plan, word: &Word, listener: &dyn Listener) -> Result<(), CommandError> {
    let came = carry_out(cluster, plan, Way::Resume, word, listener).await;
    let journal = Journal::open(cluster, &plan.app.namespace, plan.run()).await?;
    if Run::app_was_started(plan, journal.state()) { Ok(()) } else { came }
}

/// Plans the move back to the volumes the run kept, and shows it.
async fn plan_back(cluster: &Connection, plan: &Plan, args: &UndoArgs) -> Result<Plan, CommandError> {
    let volumes = kept::kept_volumes(cluster, plan).await?;
    if volumes.len() < plan.moves.len() {
        let why = format!(
            "refused: {} of {} old volumes of run {} are not kept any more",
            plan.moves.len() - volumes.len(),
            plan.moves.len(),
            plan.run()
        );
        return Err(
            CommandError::new(Kind::Refused, why).hinted(format!("move on with `kubectl stateful plan -n {}` instead", plan.namespace()))
        );
    }
    let named = read::Named { kind: plan.app.kind, name: plan.app.name.clone() };
    let mut request = going_back::request(plan, volumes, new_run_id(), now(), args.discard_new_writes);
    // What was paused or open when the app was moved need not be so by now.
    request.applier_is_paused = args.given.applier_is_paused;
    request.network_is_open = args.given.network_is_open;
    request.accept_outage_secs = args.given.accept_outage_secs();
    if let Some(image) = &args.mover_image {
        request.mover_image.clone_from(image);
    }
    let seen = trust::seen(cluster, plan.namespace(), &named, &request).await?;
    let back = planner::plan(&request, &seen, cluster.address())?;
    // Also with credentials that end soon it is better to begin to go back than not to.
    expiry::warn(cluster.expiry(), &back, &seen);
    words::say(&words::plan_text(&back, &seen));
    Ok(back)
}
