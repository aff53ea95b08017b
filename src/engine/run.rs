//! Takes a run to an ending: forward through its stages, and back when something goes wrong while that is still safe.
//!
//! The rule of all failure paths: while the app may not yet have written to the target, going back is always right and is done
//! by itself; afterwards it is a move of its own, which a person asks for. Journal and lease decide who may act at all.

use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::Instant;

use super::downtime::Downtime;
use super::drive::{self, Until};
use super::gate;
use super::notice::{Listener, Notice};
use super::record::Record;
use super::warm_copies::WarmCopies;
use crate::cluster::ApiError;
use crate::cluster::verbs::OUTAGE_MAX;
use crate::journal::lease::{self, Lease, LeaseError};
use crate::journal::store::outcome_word;
use crate::journal::{Event, Journal, JournalError, Outcome, RunState, Stand};
use crate::plan::{Plan, PlannedStep, Stage, Step, StepId};
use crate::steps::{self, Remedy, Standing, StepError, World};

/// Why a run cannot go on as it was going.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// A step failed or took too long.
    Step {
        /// Which.
        step: StepId,
        /// Why.
        why: String,
        /// What can be done about it.
        hint: Option<String>,
        /// What may come to a better end.
        remedy: Remedy,
    },
    /// Somebody else changed what we rely on.
    Adrift {
        /// The step that found it.
        step: StepId,
        /// What was found.
        why: String,
    },
    /// The API did not answer for too long, or did not know us.
    Silence(String),
    /// The journal cannot be written, or another executor has the run.
    Journal(String),
    /// The user interrupted.
    Interrupted,
    /// Another step of the stage had trouble.
    Neighbour,
}

impl Trouble {
    /// The trouble of a step that failed.
    pub(super) fn of(step: StepId, error: StepError) -> Self {
        match error {
            StepError::Failed { why, hint, remedy } => Self::Step { step, why, hint, remedy },
            StepError::Api(error) => Self::Step { step, why: error.to_string(), hint: None, remedy: Remedy::SamePlan },
        }
    }

    /// This trouble, told together with the one that led to it: what can be done about that one is still what helps.
    fn on_top_of(self, first: &Self) -> Self {
        match self {
            Self::Adrift { step, why } => Self::Adrift { step, why: format!("{first}; and {why}") },
            other => other,
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Step { why, .. } | Self::Adrift { why, .. } => formatter.write_str(why),
            Self::Silence(why) => write!(formatter, "the API server does not serve this run: {why}"),
            Self::Journal(why) => formatter.write_str(why),
            Self::Interrupted => formatter.write_str("interrupted"),
            Self::Neighbour => formatter.write_str("another step of the stage failed"),
        }
    }
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The app runs on the target.
    Completed,
    /// The app runs on the source; nothing of the run is left. Says why, unless that was asked for.
    Undone(Option<Trouble>),
    /// It stands still and can be resumed or undone.
    Halted(Trouble),
    /// Going back stands still, and needs a hand.
    Stuck {
        /// Why the run went back, if it was not asked to.
        because: Option<Trouble>,
        /// What is in the way.
        trouble: Trouble,
        /// What has not been taken back, in words.
        remains: Vec<String>,
    },
}

/// How often movers are told that their engine is still there.
const BEAT_EVERY: Duration = Duration::from_secs(120);

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// For how long an answer to a renewal of the lease may be borne: a denial of it is no sign that another executor has the run.
fn bears(error: &ApiError) -> Option<Duration> {
    error.passes_within().or(error.is_denial().then_some(OUTAGE_MAX))
}

/// How long the journal is waited for where the run ends in any case.
const NOTE_WITHIN: Duration = Duration::from_secs(10);

/// How often what got lost is made again.
const RENEWALS_MAX: u32 = 5;

/// One execution of a plan.
pub struct Run<'a> {
    plan: &'a Plan,
    world: &'a World,
    record: Record<'a>,
    lease: Lease,
    /// When the lease was last seen to be ours.
    held_at: Mutex<Instant>,
    listener: &'a dyn Listener,
    /// How often the user has interrupted.
    interrupts: watch::Receiver<u32>,
    executor: String,
    stage_in_trouble: AtomicBool,
    guarding: tokio::sync::Mutex<()>,
    interrupt_was_held: AtomicBool,
    /// Nothing is to be changed any more but the journal.
    looks_only: AtomicBool,
    downtime: Downtime,
    claims_are_away: AtomicBool,
    warm_copies: WarmCopies,
}

impl<'a> Run<'a> {
    /// Prepares an execution. `executor` names this process and must be the holder of the lease.
    pub fn new(
        plan: &'a Plan,
        world: &'a World,
        journal: Journal,
        lease: Lease,
        executor: String,
        listener: &'a dyn Listener,
        interrupts: watch::Receiver<u32>,
    ) -> Self {
        world.movers.recall(journal.state());
        world.recall(journal.state());
        let downtime = Downtime::of(plan, journal.so_far());
        let claims_are_away = AtomicBool::new(Self::claims_are_away(plan, journal.state()));
        Self {
            plan,
            world,
            record: Record::new(plan, lease.clone(), journal),
            lease,
            held_at: Mutex::new(Instant::now()),
            listener,
            interrupts,
            executor,
            stage_in_trouble: AtomicBool::new(false),
            guarding: tokio::sync::Mutex::default(),
            interrupt_was_held: AtomicBool::new(false),
            looks_only: AtomicBool::new(false),
            downtime,
            claims_are_away,
            warm_copies: WarmCopies::default(),
        }
    }

    /// Goes forward to the end, or back if something goes wrong in time.
    pub async fn execute(&self) -> Ending {
        if let Some(ended) = self.ended().await {
            return ended;
        }
        if self.state().await.back {
            return self.undo().await;
        }
        match self.leased(self.go_forward()).await {
            Ok(()) => Ending::Completed,
            Err(trouble) => self.answer(trouble).await,
        }
    }

    /// Goes back to before the first step. Only while the app cannot have written to the target.
    pub async fn undo(&self) -> Ending {
        if let Some(ended) = self.ended().await {
            return ended;
        }
        if let Some(bar) = self.way_back_is_barred().await {
            return self.halt(bar).await;
        }
        self.undo_because(None).await
    }

    /// Ends a run that goes back and of which nothing is left, by looking only: what is not as before any more stops it.
    pub async fn close(&self) -> Ending {
        self.looks_only.store(true, Ordering::SeqCst);
        self.undo().await
    }

    pub(super) fn looks_only(&self) -> bool {
        self.looks_only.load(Ordering::SeqCst)
    }

    /// Whether the app may have written to the target: a step that lets it was begun.
    pub fn app_may_have_written(plan: &Plan, state: &RunState) -> bool {
        plan.steps().any(|(_, step)| step.step.lets_app_write() && state.stand(&step.id).is_begun())
    }

    /// Whether everything was done that lets the app write to the target, so that it is all there to go back from.
    pub fn app_was_started(plan: &Plan, state: &RunState) -> bool {
        plan.steps().filter(|(_, step)| step.step.lets_app_write()).all(|(_, step)| state.stand(&step.id).is_done())
    }

    async fn ended(&self) -> Option<Ending> {
        let outcome = self.state().await.outcome?;
        // Whoever ended it may not have come to that.
        self.record.label_state(outcome_word(outcome)).await;
        Some(match outcome {
            Outcome::Completed => Ending::Completed,
            Outcome::Undone => Ending::Undone(None),
        })
    }

    async fn answer(&self, trouble: Trouble) -> Ending {
        let goes_back = match &trouble {
            // With the app untouched there is no hurry: the copy made so far is of use to the next try, unless this target will not do.
            Trouble::Step { remedy, .. } => match remedy {
                Remedy::AnotherPlan => true,
                Remedy::SamePlan => self.is_in_between() || !self.has_copied().await,
                Remedy::Consent => self.is_in_between(),
            },
            // Whoever changed something may have had a reason.
            Trouble::Adrift { .. } => self.is_in_between(),
            Trouble::Silence(_) | Trouble::Journal(_) | Trouble::Interrupted | Trouble::Neighbour => false,
        };
        if goes_back && !Self::app_may_have_written(self.plan, &self.state().await) {
            if let Some(bar) = self.way_back_is_barred().await {
                return self.halt(bar.on_top_of(&trouble)).await;
            }
            self.tell(&Notice::GoingBack { why: trouble.to_string() });
            return self.undo_because(Some(trouble)).await;
        }
        self.halt(trouble).await
    }

    async fn halt(&self, trouble: Trouble) -> Ending {
        self.note_halt(&trouble).await;
        if self.may_take_movers_away(&trouble).await {
            self.take_movers_away().await;
        }
        Ending::Halted(trouble)
    }

    /// Whether anything was copied that another try can take up.
    async fn has_copied(&self) -> bool {
        let state = self.state().await;
        let begun = |step: &PlannedStep| *state.stand(&step.id) != Stand::Untouched;
        self.plan.steps().any(|(_, step)| matches!(step.step, Step::WarmCopy(_)) && begun(step))
    }

    /// Whether the movers only stand in the app's way until somebody takes up the run: it runs beside them, and the run is still ours.
    async fn may_take_movers_away(&self, trouble: &Trouble) -> bool {
        let is_ours = match trouble {
            Trouble::Step { .. } | Trouble::Adrift { .. } | Trouble::Interrupted => true,
            Trouble::Silence(_) | Trouble::Journal(_) | Trouble::Neighbour => false,
        };
        let state = self.state().await;
        is_ours && !state.back && !self.is_in_between() && !Self::app_may_have_written(self.plan, &state)
    }

    /// A mover beside the app holds its volume on a node. Best effort: a mover that hears nothing ends by itself.
    async fn take_movers_away(&self) {
        let state = self.state().await;
        let made = |step: &PlannedStep| *state.stand(&step.id) != Stand::Untouched;
        let movers = self.plan.steps().filter(|(_, step)| matches!(step.step, Step::StartMover(_)) && made(step));
        let gone = join_all(movers.map(|(_, step)| steps::undo(&step.step, self.world)));
        drop(tokio::time::timeout(NOTE_WITHIN, gone).await);
    }

    /// What makes it impossible to go back, or would lose what the app wrote: then there is nothing but going on. Once found it is
    /// remembered: that nothing runs on the target any more does not bring back what was written there.
    async fn way_back_is_barred(&self) -> Option<Trouble> {
        let state = self.state().await;
        if let Some((step, why)) = state.barred {
            return Some(Trouble::Adrift { step, why });
        }
        let begun = |step: &PlannedStep| matches!(state.stand(&step.id), Stand::Intended | Stand::Settled(_) | Stand::Found(_));
        for (_, planned) in self.plan.steps().filter(|(_, planned)| begun(planned)) {
            let step = planned.id.clone();
            let bar = steps::bars_way_back(&planned.step, self.world).await;
            let lasts = bar.is_ok() && !state.back;
            let (Ok(Some(why)) | Err(steps::StepError::Failed { why, .. })) = bar else { continue };
            let why = match state.back {
                false => format!("{why}, so the move cannot be taken back, only go on"),
                true => format!(
                    "{why}; this run was going back already and cannot turn: the target is kept, and the app has to be put on it by hand"
                ),
            };
            if lasts && let Err(trouble) = self.write(Event::Barred { step: step.clone(), why: why.clone() }).await {
                return Some(trouble);
            }
            return Some(Trouble::Adrift { step, why });
        }
        None
    }

    async fn undo_because(&self, because: Option<Trouble>) -> Ending {
        self.stage_in_trouble.store(false, Ordering::SeqCst);
        match self.leased(self.go_back()).await {
            Ok(()) => Ending::Undone(because),
            Err(trouble) => {
                self.note_halt(&trouble).await;
                let remains = self.remains().await;
                Ending::Stuck { because, trouble, remains }
            }
        }
    }

    async fn go_forward(&self) -> Result<(), Trouble> {
        self.write(self.opened(false)).await?;
        self.note_down();
        let of = self.plan.stages.len();
        for (index, stage) in self.plan.stages.iter().enumerate() {
            if self.is_through(stage.steps.iter()).await {
                continue;
            }
            if let Some(stop) = self.stops_now(stage).await {
                gate::detached(self, self.plan, stop).await?;
                // As in the stage before: what the copies rest on is looked after up to the stop.
                self.check_guards(index.saturating_sub(1)).await?;
                self.warm_copies.renew(self, self.plan, index.saturating_sub(1)).await?;
                gate::passes(self, self.plan, stop).await?;
            }
            self.tell(&Notice::Stage { number: index + 1, of, name: stage.name.clone(), back: false });
            self.check_guards(index).await?;
            if !stage.app_is_down {
                self.note_ready();
            }
            self.together(stage.steps.iter().map(|step| drive::forward(self, Some(index), step))).await?;
            let away = Self::claims_are_away(self.plan, &self.state().await);
            self.claims_are_away.store(away, Ordering::SeqCst);
        }
        self.note_ready();
        self.write(Event::Ended { outcome: Outcome::Completed }).await?;
        self.record.label_state("completed").await;
        Ok(())
    }

    async fn go_back(&self) -> Result<(), Trouble> {
        self.write(self.opened(true)).await?;
        self.note_down();
        let of = self.plan.stages.len();
        let stops = self.plan.steps().find(|(_, step)| step.step.stops_app()).map_or(0, |(index, _)| index);
        let mut lingering = Vec::new();
        for (index, stage) in self.plan.stages.iter().enumerate().rev() {
            // Only once the step that stopped it is taken back.
            if index < stops {
                self.note_start();
            }
            let state = self.state().await;
            let steps: Vec<&PlannedStep> = stage.steps.iter().filter(|step| self.is_taken_back(step, &state)).collect();
            if steps.is_empty() {
                continue;
            }
            self.tell(&Notice::Stage { number: index + 1, of, name: stage.name.clone(), back: true });
            let until = |step: &PlannedStep| if step.step.may_linger() { Until::Asked } else { Until::Seen };
            self.together(steps.iter().map(|step| drive::back(self, step, until(step)))).await?;
            lingering.extend(steps.into_iter().filter(|step| step.step.may_linger()));
        }
        self.note_start();
        self.claims_are_away.store(false, Ordering::SeqCst);
        self.together(lingering.into_iter().map(|step| drive::back(self, step, Until::Seen))).await?;
        self.nothing_is_left().await?;
        self.write(Event::Ended { outcome: Outcome::Undone }).await?;
        self.record.label_state("undone").await;
        Ok(())
    }

    /// Sees that nothing bears this run's marks of which its journal does not know: one that was cut would else have it that nothing was done.
    async fn nothing_is_left(&self) -> Result<(), Trouble> {
        let state = self.state().await;
        let unknown = |step: &&PlannedStep| *state.stand(&step.id) == Stand::Untouched;
        for planned in self.plan.steps().map(|(_, step)| step).filter(unknown) {
            let step = planned.id.clone();
            match steps::bears_marks(&planned.step, self.world).await {
                Ok(false) => {}
                Ok(true) => {
                    let why = format!("the journal does not know of this, and it is so: {}", planned.step.does());
                    return Err(Trouble::Step {
                        step,
                        why,
                        hint: Some("its journal is not whole: put it back from a backup".to_owned()),
                        remedy: Remedy::SamePlan,
                    });
                }
                Err(steps::StepError::Api(error)) if error.is_passing() => return Err(Trouble::Silence(error.to_string())),
                Err(error) => return Err(Trouble::of(step, error)),
            }
        }
        Ok(())
    }

    /// The step of a stage that is about to stop the app, which still runs, whatever the journal says of the step: it may have been meant and not done.
    async fn stops_now<'s>(&self, stage: &'s Stage) -> Option<&'s PlannedStep> {
        let step = stage.steps.iter().find(|step| step.step.stops_app())?;
        let standing = steps::observe(&step.step, self.world).await;
        matches!(standing, Ok(Standing::Before) | Err(StepError::Api(_))).then_some(step)
    }

    /// A step is through.
    pub(super) fn note_settled(&self, planned: &PlannedStep) {
        self.warm_copies.note(planned);
    }

    /// The server let in nothing of the step that was to stop the app.
    pub(super) fn note_refused(&self, planned: &PlannedStep) {
        if planned.step.stops_app() {
            let _ = self.downtime.end();
        }
    }

    fn opened(&self, back: bool) -> Event {
        Event::Opened { executor: self.executor.clone(), back, plan: self.world.plan_digest.clone() }
    }

    /// Whether a step has to be taken back: it was begun, or the stopped app cannot be started without.
    fn is_taken_back(&self, planned: &PlannedStep, state: &RunState) -> bool {
        match state.stand(&planned.id) {
            Stand::Intended | Stand::Settled(_) | Stand::Undoing => true,
            Stand::Untouched | Stand::Found(_) => {
                let was_stopped = self.plan.steps().any(|(_, one)| one.step.stops_app() && state.stand(&one.id).is_begun());
                planned.step.must_be_taken_back() && was_stopped
            }
            Stand::Undone => false,
        }
    }

    /// Drives steps side by side; the first trouble stops the others at their next look.
    pub(super) async fn together(&self, steps: impl Iterator<Item = impl Future<Output = Result<(), Trouble>>>) -> Result<(), Trouble> {
        let marked = steps.map(|step| async {
            let came = step.await;
            if came.is_err() {
                self.stage_in_trouble.store(true, Ordering::SeqCst);
            }
            came
        });
        let mut troubles: Vec<Trouble> = join_all(marked).await.into_iter().filter_map(Result::err).collect();
        troubles.sort_by_key(|trouble| *trouble == Trouble::Neighbour);
        troubles.into_iter().next().map_or(Ok(()), Err)
    }

    /// Works for as long as the lease is ours.
    async fn leased(&self, work: impl Future<Output = Result<(), Trouble>>) -> Result<(), Trouble> {
        tokio::select! {
            // The lease first: whoever has lost it makes no further change.
            biased;
            lost = self.keep_lease() => Err(lost),
            // Beside it, since a server that takes its time with a pod must not keep the lease from being renewed.
            never = self.keep_beating() => match never {},
            came = work => came,
        }
    }

    async fn keep_beating(&self) -> Infallible {
        loop {
            tokio::time::sleep(BEAT_EVERY).await;
            steps::beat(self.world).await;
        }
    }

    async fn keep_lease(&self) -> Trouble {
        loop {
            tokio::time::sleep(lease::RENEW_EVERY).await;
            match self.renew_lease().await {
                Ok(()) => {}
                // Once it has run out nothing is changed before it is seen to be ours again; the steps notice the silence themselves.
                Err(LeaseError::Api { error, .. }) if bears(&error).is_some_and(|longest| self.not_held_for() <= longest) => {}
                Err(LeaseError::Api { error, .. }) if error.is_passing() => return Trouble::Silence(error.to_string()),
                Err(error) => return Trouble::Journal(error.to_string()),
            }
        }
    }

    /// Sees to it that the lease is ours before something is changed: once it has run out somebody else may have taken the run over.
    pub(super) async fn hold_lease(&self) -> Result<(), LeaseError> {
        if self.not_held_for() < Duration::from_secs(lease::DURATION_SECS) { Ok(()) } else { self.renew_lease().await }
    }

    async fn renew_lease(&self) -> Result<(), LeaseError> {
        // It runs out by when the renewal was sent, not by when it was answered.
        let sent = Instant::now();
        match self.lease.renew().await {
            // A janitor may have deleted it. So may another executor that is through; its journal then is not as we left it.
            Err(deleted @ LeaseError::Deleted { .. }) => {
                if !self.record.is_as_left().await || !self.lease.make_again().await? || !self.record.is_as_left().await {
                    return Err(deleted);
                }
            }
            other => other?,
        }
        *self.held_at.lock().expect("no code panics while holding this lock") = sent;
        Ok(())
    }

    fn not_held_for(&self) -> Duration {
        self.held_at.lock().expect("no code panics while holding this lock").elapsed()
    }

    /// Looks whether everything that earlier steps did, and this stage relies on, still stands.
    pub(super) async fn check_guards(&self, stage: usize) -> Result<(), Trouble> {
        // Steps that are driven together would else each do the same thing again.
        let _one_at_a_time = self.guarding.lock().await;
        let state = self.state().await;
        let relied_on = |(index, step): &(usize, &PlannedStep)| {
            let done = state.stand(&step.id).is_done();
            *index < stage && done && step.guarded_until.is_some_and(|until| stage < until)
        };
        let looks = self.plan.steps().filter(relied_on).map(|(_, step)| self.still_stands(step, state.renewals(&step.id)));
        self.together(looks).await
    }

    async fn still_stands(&self, planned: &PlannedStep, renewals: u32) -> Result<(), Trouble> {
        let step = planned.id.clone();
        let undone = match steps::observe(&planned.step, self.world).await {
            Ok(Standing::After(_)) => return Ok(()),
            Ok(Standing::Adrift(why)) => return Err(Trouble::Adrift { step, why }),
            Ok(Standing::Before) => format!("somebody undid this: {}", planned.step.does()),
            Ok(Standing::Underway(progress)) => {
                format!("somebody undid this: {} (waiting for {})", planned.step.does(), progress.waiting_for)
            }
            // No answer is no news, nor is one that says no; the steps themselves notice what lasts.
            Err(steps::StepError::Api(error)) if error.is_passing() || error.is_denial() => return Ok(()),
            Err(error) => return Err(Trouble::of(step, error)),
        };
        if planned.step.is_renewed() && renewals < RENEWALS_MAX {
            self.write(Event::Renewed { step }).await?;
            return drive::forward(self, None, planned).await;
        }
        Err(Trouble::Adrift { step, why: undone })
    }

    async fn is_through(&self, steps: impl Iterator<Item = &PlannedStep>) -> bool {
        let state = self.state().await;
        let mut steps = steps;
        steps.all(|step| state.stand(&step.id).is_done())
    }

    async fn remains(&self) -> Vec<String> {
        let state = self.state().await;
        let begun = |step: &PlannedStep| matches!(state.stand(&step.id), Stand::Intended | Stand::Settled(_) | Stand::Undoing);
        self.plan.steps().rev().filter(|(_, step)| begun(step)).filter_map(|(_, step)| step.step.undoes()).collect()
    }

    async fn note_halt(&self, trouble: &Trouble) {
        // When the journal itself is the trouble there is nowhere to note it.
        if matches!(trouble, Trouble::Journal(_)) {
            return;
        }
        let step = match trouble {
            Trouble::Step { step, .. } | Trouble::Adrift { step, .. } => Some(step.clone()),
            _ => None,
        };
        // It is not worth a wait: the journal says how far the run is without it.
        let noted = self.record.write(Event::Halted { step, why: trouble.to_string() });
        drop(tokio::time::timeout(NOTE_WITHIN, noted).await);
    }

    /// Whether the app is down, or its claims are away: neither is to be left so.
    pub(super) fn is_in_between(&self) -> bool {
        self.downtime.so_far().is_some() || self.claims_are_away.load(Ordering::SeqCst)
    }

    /// A step is about to change something.
    pub(super) fn note_act(&self, planned: &PlannedStep) {
        if planned.step.stops_app() {
            self.note_stop();
        }
        if matches!(planned.step, Step::ReleaseClaim(_)) {
            self.claims_are_away.store(true, Ordering::SeqCst);
        }
    }

    /// Whether claims of the app were taken away by what the journal says, and not all of them are back.
    fn claims_are_away(plan: &Plan, state: &RunState) -> bool {
        let gone = plan.steps().any(|(_, step)| matches!(step.step, Step::ReleaseClaim(_)) && state.stand(&step.id).is_begun());
        gone && !plan.steps().filter(|(_, step)| matches!(step.step, Step::AdoptClaim(_))).all(|(_, step)| state.stand(&step.id).is_done())
    }

    /// Tells whoever takes up the run that the app is down.
    fn note_down(&self) {
        if let Some(down) = self.downtime.so_far() {
            self.tell(&Notice::AppIsDown { down_ms: millis(down) });
        }
    }

    fn note_stop(&self) {
        if self.downtime.begin() {
            self.tell(&Notice::AppStops);
        }
    }

    fn note_ready(&self) {
        if let Some(down) = self.downtime.end() {
            self.tell(&Notice::AppReady { down_ms: millis(down) });
        }
    }

    fn note_start(&self) {
        if let Some(stopped) = self.downtime.end() {
            self.tell(&Notice::AppStarted { stopped_ms: millis(stopped) });
        }
    }

    /// Whether the next change may be made: no neighbour in trouble, no interrupt. A first interrupt waits while the app is down.
    pub(super) fn may_go_on(&self) -> Result<(), Trouble> {
        if self.stage_in_trouble.load(Ordering::SeqCst) {
            return Err(Trouble::Neighbour);
        }
        if self.is_interrupted() {
            return Err(Trouble::Interrupted);
        }
        if *self.interrupts.borrow() > 0 && !self.interrupt_was_held.swap(true, Ordering::SeqCst) {
            self.tell(&Notice::InterruptHeld);
        }
        Ok(())
    }

    fn is_interrupted(&self) -> bool {
        match *self.interrupts.borrow() {
            0 => false,
            1 => !self.is_in_between(),
            _ => true,
        }
    }

    /// Sleeps, but wakes for an interrupt.
    pub(super) async fn sleep(&self, wait: Duration) {
        let mut interrupts = self.interrupts.clone();
        let count = *interrupts.borrow_and_update();
        tokio::select! {
            biased;
            () = tokio::time::sleep(wait) => {}
            () = async { while *interrupts.borrow_and_update() == count { if interrupts.changed().await.is_err() { std::future::pending::<()>().await; } } } => {}
        }
    }

    /// Journals an event. An interrupt ends that only where nobody answers.
    pub(super) async fn write(&self, event: Event) -> Result<(), Trouble> {
        let written = tokio::select! {
            biased;
            written = self.record.write(event) => written,
            () = self.interrupted_for(NOTE_WITHIN) => return Err(Trouble::Interrupted),
        };
        written.map_err(|error| match error {
            JournalError::Api { error, .. } if error.is_passing() => Trouble::Silence(error.to_string()),
            error => Trouble::Journal(error.to_string()),
        })
    }

    /// Returns so long after an interrupt that is not held.
    async fn interrupted_for(&self, long: Duration) {
        let mut interrupts = self.interrupts.clone();
        while !self.is_interrupted() {
            if interrupts.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        tokio::time::sleep(long).await;
    }

    pub(super) async fn state(&self) -> RunState {
        self.record.state().await
    }

    pub(super) fn tell(&self, notice: &Notice) {
        self.listener.tell(notice);
    }

    pub(super) fn world(&self) -> &World {
        self.world
    }
}
