//! The executor's seat: what one process has while it carries out a run. Its lease, the user's interrupts, the journal, whoever listens, and
//! whether the app is down.
//!
//! It drives no step and decides no way.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::Instant;

use super::downtime::Downtime;
use super::ending::Trouble;
use super::notice::{Listener, Notice};
use super::record::Record;
use crate::cluster::ApiError;
use crate::cluster::failure::OUTAGE_MAX;
use crate::journal::lease::{self, Lease, LeaseError};
use crate::journal::{Event, Journal, JournalError, RunState};
use crate::plan::step::Fact;
use crate::plan::{Plan, PlannedStep, Step, StepId};
use crate::steps::{self, World};

/// How often movers are told that their engine is still there.
const BEAT_EVERY: Duration = Duration::from_secs(120);

/// How long the journal is waited for where the run ends in any case.
pub(super) const NOTE_WITHIN: Duration = Duration::from_secs(10);

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// For how long an answer to a renewal of the lease may be borne: a denial of it is no sign that another executor has the run.
fn bears(error: &ApiError) -> Option<Duration> {
    error.passes_within().or(error.is_denial().then_some(OUTAGE_MAX))
}

fn frees_claim(step: &Step) -> bool {
    step.facts().iter().any(|fact| matches!(fact, Fact::Frees(_)))
}

fn adopts_claim(step: &Step) -> bool {
    step.facts().iter().any(|fact| matches!(fact, Fact::Adopts(_)))
}

/// Whether claims of the app were taken away by what the journal says, and not all of them are back.
fn claims_are_away(plan: &Plan, state: &RunState) -> bool {
    let gone = plan.steps().any(|(_, step)| frees_claim(&step.step) && state.stand(&step.id).is_begun());
    gone && !plan.steps().filter(|(_, step)| adopts_claim(&step.step)).all(|(_, step)| state.stand(&step.id).is_done())
}

/// See the module.
pub(super) struct Seat<'a> {
    pub(super) plan: &'a Plan,
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
    interrupt_was_held: AtomicBool,
    /// Nothing is to be changed any more but the journal.
    looks_only: AtomicBool,
    downtime: Downtime,
    claims_are_away: AtomicBool,
    /// When steps were through last, in this process.
    through_at: Mutex<BTreeMap<StepId, Instant>>,
}

impl<'a> Seat<'a> {
    /// Takes the seat. `executor` names this process and must be the holder of the lease.
    pub(super) fn new(
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
        let claims_are_away = AtomicBool::new(claims_are_away(plan, journal.state()));
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
            interrupt_was_held: AtomicBool::new(false),
            looks_only: AtomicBool::new(false),
            downtime,
            claims_are_away,
            through_at: Mutex::default(),
        }
    }

    /// From now on nothing is changed but the journal.
    pub(super) fn only_look(&self) {
        self.looks_only.store(true, Ordering::SeqCst);
    }

    /// A new way begins: trouble of steps before it is over.
    pub(super) fn forget_trouble(&self) {
        self.stage_in_trouble.store(false, Ordering::SeqCst);
    }

    /// A stage is through: whether claims are away is read from the journal again.
    pub(super) async fn note_stage(&self) {
        let away = claims_are_away(self.plan, &self.state().await);
        self.claims_are_away.store(away, Ordering::SeqCst);
    }

    /// The claims are where they were.
    pub(super) fn note_claims_back(&self) {
        self.claims_are_away.store(false, Ordering::SeqCst);
    }

    /// When a step was through last, in this process.
    pub(super) fn through_at(&self, step: &StepId) -> Option<Instant> {
        self.through_at.lock().expect("no code panics while holding this lock").get(step).copied()
    }

    /// Labels the run's records for those who list them. Best effort.
    pub(super) async fn label_state(&self, word: &str) {
        self.record.label_state(word).await;
    }

    pub(super) fn looks_only(&self) -> bool {
        self.looks_only.load(Ordering::SeqCst)
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
    pub(super) async fn leased(&self, work: impl Future<Output = Result<(), Trouble>>) -> Result<(), Trouble> {
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

    pub(super) async fn note_halt(&self, trouble: &Trouble) {
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
        if frees_claim(&planned.step) {
            self.claims_are_away.store(true, Ordering::SeqCst);
        }
    }

    /// Tells whoever takes up the run that the app is down.
    pub(super) fn note_down(&self) {
        if let Some(down) = self.downtime.so_far() {
            self.tell(&Notice::AppIsDown { down_ms: millis(down) });
        }
    }

    fn note_stop(&self) {
        if self.downtime.begin() {
            self.tell(&Notice::AppStops);
        }
    }

    pub(super) fn note_ready(&self) {
        if let Some(down) = self.downtime.end() {
            self.tell(&Notice::AppReady { down_ms: millis(down) });
        }
    }

    pub(super) fn note_start(&self) {
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

    pub(super) fn opened(&self, back: bool) -> Event {
        Event::Opened { executor: self.executor.clone(), back, plan: self.world.plan_digest.clone() }
    }

    /// A step is through.
    pub(super) fn note_settled(&self, planned: &PlannedStep) {
        self.through_at.lock().expect("no code panics while holding this lock").insert(planned.id.clone(), Instant::now());
    }

    /// The server let in nothing of the step that was to stop the app.
    pub(super) fn note_refused(&self, planned: &PlannedStep) {
        if planned.step.stops_app() {
            let _ = self.downtime.end();
        }
    }
}
