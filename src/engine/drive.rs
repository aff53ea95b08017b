//! Drives one step to its goal, in either direction.
//!
//! The loop is always: look, and only then act. The next look finds the world as it is. So a reply that was lost, a change that was
//! applied twice or a crash in between make no difference.

use std::time::Duration;

use futures::future::LocalBoxFuture;
use tokio::time::Instant;

use super::ending::Trouble;
use super::notice::Notice;
use super::pace::Pace;
use super::patience::{Patience, REFUSED_MAX};
use super::seat::Seat;
use crate::cluster::ApiError;
use crate::cluster::failure::OUTAGE_MAX;
use crate::journal::lease::LeaseError;
use crate::journal::{Event, Stand};
use crate::plan::PlannedStep;
use crate::steps::{self, Progress, Remedy, Standing, StepError};

/// How often a waiting step looks whether what earlier steps did still stands.
const GUARD_EVERY: Duration = Duration::from_secs(5);

/// How often, and how much, what others write to an object is written down before it is taken away: the journal has bounds.
const NOTES_MAX: u32 = 8;
const NOTE_BYTES_MAX: usize = 32 * 1024;

/// Looks after what earlier steps did while a step waits.
pub(super) trait Vigil {
    /// Looks once.
    fn look(&self) -> LocalBoxFuture<'_, Result<(), Trouble>>;
}

/// What is kept while a step is driven.
struct Drive<'a, 'r> {
    seat: &'a Seat<'r>,
    planned: &'a PlannedStep,
    pace: Pace,
    patience: Patience,
    waiting_for: String,
    guarded_at: Instant,
    unnoticed_since: Option<Instant>,
    /// A change may have been applied without our hearing of it.
    is_unsure: bool,
    /// A change was applied, or may have been by an earlier process.
    has_acted: bool,
    /// How often it was written down what is taken away.
    notes: u32,
}

/// What a call was made for that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To see where the step stands.
    Look,
    /// To change something.
    Change,
    /// To take something back, which is to be tried as long as it may succeed.
    Undo,
    /// To see that the run is still ours.
    Lease,
}

impl<'a, 'r> Drive<'a, 'r> {
    fn new(seat: &'a Seat<'r>, planned: &'a PlannedStep) -> Self {
        Self {
            seat,
            planned,
            pace: Pace::default(),
            patience: Patience::new(planned.deadline_secs),
            waiting_for: planned.step.does(seat.plan.subject()),
            guarded_at: Instant::now(),
            unnoticed_since: None,
            is_unsure: false,
            has_acted: false,
            notes: 0,
        }
    }

    /// Sleeps, or says why not to go on.
    async fn pause(&self, wait: Duration) -> Result<(), Trouble> {
        self.seat.may_go_on()?;
        let Some(left) = self.patience.left() else {
            return Err(self.gives_up(format!("gave up after {} s of waiting for {}", self.planned.deadline_secs, self.waiting_for)));
        };
        self.seat.sleep(wait.min(left)).await;
        self.seat.may_go_on()
    }

    /// Journals, which may take as long as the API does not answer; nothing is waited for meanwhile.
    async fn write(&mut self, event: Event) -> Result<(), Trouble> {
        let since = Instant::now();
        self.seat.write(event).await?;
        self.patience.put_off(since);
        Ok(())
    }

    /// Whether a change may be made: not by who has lost the run to somebody else, nor before it is known. By the clock, which may have stood still while
    /// the machine slept, a lease is only known to be lost: each change is fenced besides.
    async fn may_change(&mut self) -> Result<bool, Trouble> {
        match self.seat.hold_lease().await {
            Ok(()) => Ok(true),
            Err(LeaseError::Api { error, .. }) if error.is_passing() || error.is_denial() => {
                self.endure(error.into(), Purpose::Lease).await.map(|()| false)
            }
            Err(error) => Err(Trouble::Journal(error.to_string())),
        }
    }

    fn gives_up(&self, why: String) -> Trouble {
        Trouble::Step { step: self.planned.id.clone(), why, hint: None, remedy: Remedy::SamePlan }
    }

    /// Waits after a failed call if another may succeed.
    async fn endure(&mut self, error: StepError, made_for: Purpose) -> Result<(), Trouble> {
        let step = self.planned.id.clone();
        let error = match error {
            StepError::Api(error) => error,
            failed @ StepError::Failed { .. } => return Err(Trouble::of(step, failed)),
        };
        let why = error.to_string();
        let Some(longest) = self.bears(&error, made_for) else { return Err(self.gives_up(why)) };
        if !matches!(error, ApiError::Conflict(_)) {
            match made_for {
                Purpose::Look | Purpose::Lease if self.patience.is_silent(longest) => return Err(Trouble::Silence(why)),
                Purpose::Change if self.patience.is_refused(longest.min(REFUSED_MAX)) => return Err(self.gives_up(why)),
                Purpose::Undo if self.patience.is_refused(longest) && !error.is_passing() => return Err(self.gives_up(why)),
                Purpose::Undo if self.patience.is_refused(longest) => return Err(Trouble::Silence(why)),
                Purpose::Look | Purpose::Change | Purpose::Undo | Purpose::Lease => self.seat.tell(&Notice::Retrying { step, why }),
            }
        }
        let asked_secs = if let ApiError::Busy { retry_after_secs, .. } = error { retry_after_secs } else { None };
        let wait = self.pace.back_off(asked_secs);
        self.pause(wait).await
    }

    /// For how long a failure may last; none: not at all. A denial may pass as a failure of the server may. With the app down there is
    /// nothing better to do than to try again.
    fn bears(&self, error: &ApiError, made_for: Purpose) -> Option<Duration> {
        match made_for {
            Purpose::Undo | Purpose::Lease if error.is_denial() => Some(OUTAGE_MAX),
            Purpose::Change if error.is_denial() && self.seat.is_in_between() => Some(REFUSED_MAX),
            Purpose::Look if error.is_denial() && self.seat.is_in_between() => Some(OUTAGE_MAX),
            // It went between the look and the change: the next look tells.
            Purpose::Change | Purpose::Undo if matches!(error, ApiError::NotFound(_)) => Some(REFUSED_MAX),
            Purpose::Look | Purpose::Change | Purpose::Undo | Purpose::Lease => error.passes_within(),
        }
    }

    /// Waits after a change that was not taken, if it may be; otherwise, where it is certain that none was, the journal says so: the step is as
    /// if it had not been begun.
    async fn endure_refusal(&mut self, error: StepError) -> Result<(), Trouble> {
        let is_denial = matches!(&error, StepError::Api(error) if error.is_denial());
        let is_conflict = matches!(&error, StepError::Api(ApiError::Conflict(_)));
        self.is_unsure |= !is_denial && !is_conflict;
        let Err(trouble) = self.endure(error, Purpose::Change).await else { return Ok(()) };
        // Whatever was on its way arrived while changes were refused for so long.
        let is_certain = !self.is_unsure || self.seat.is_in_between();
        if is_denial && !self.has_acted && is_certain && matches!(trouble, Trouble::Step { .. }) {
            self.write(Event::Refused { step: self.planned.id.clone() }).await?;
            self.seat.note_refused(self.planned);
        }
        Err(trouble)
    }

    /// Writes down what the step is about to take away, where that is not the same as was written down last.
    /// Returns whether that could be read.
    async fn note(&mut self) -> Result<bool, Trouble> {
        let metadata = match steps::notes(&self.planned.step, self.seat.world()).await {
            Ok(Some(metadata)) => metadata,
            Ok(None) => return Ok(true),
            Err(error) => return self.endure(error, Purpose::Look).await.map(|()| false),
        };
        if self.seat.world().has_noted(&metadata) {
            return Ok(true);
        }
        self.notes += 1;
        if self.notes > NOTES_MAX || metadata.to_string().len() > NOTE_BYTES_MAX {
            let what = "others write to its labels and annotations again and again, or very much";
            return Err(self.gives_up(format!("cannot {}: {what}", self.planned.step.does(self.seat.plan.subject()))));
        }
        self.write(Event::Noted { step: self.planned.id.clone(), metadata: metadata.clone() }).await?;
        self.seat.world().note(metadata);
        Ok(true)
    }

    async fn wait_for(&mut self, progress: Progress) -> Result<(), Trouble> {
        if let Some(long) = self.patience.heard_nothing(&progress) {
            return Err(self.gives_up(format!("heard nothing new for {} s while waiting for {}", long.as_secs(), progress.waiting_for)));
        }
        self.waiting_for.clone_from(&progress.waiting_for);
        self.seat.tell(&Notice::Waiting { step: self.planned.id.clone(), progress });
        let wait = self.pace.wait();
        self.pause(wait).await
    }

    async fn look(&mut self) -> Result<Standing, StepError> {
        let seen = steps::observe(&self.planned.step, self.seat.world()).await;
        if seen.is_ok() {
            self.patience.is_answered();
        }
        seen
    }

    async fn look_back(&mut self) -> Result<Standing, StepError> {
        let seen = steps::observe_back(&self.planned.step, self.seat.world()).await;
        if seen.is_ok() {
            self.patience.is_answered();
        }
        seen
    }

    /// Has what was done noticed where it was not for a while.
    async fn remind(&mut self, after: Option<Duration>) -> Result<(), Trouble> {
        let Some(after) = after else {
            self.unnoticed_since = None;
            return Ok(());
        };
        let since = *self.unnoticed_since.get_or_insert_with(Instant::now);
        if since.elapsed() < after {
            return Ok(());
        }
        self.unnoticed_since = None;
        match steps::remind(&self.planned.step, self.seat.world()).await {
            Ok(()) => Ok(()),
            Err(error) => self.endure(error, Purpose::Change).await,
        }
    }

    /// Every few seconds: does what earlier steps did still stand?
    async fn guard(&mut self, vigil: Option<&dyn Vigil>) -> Result<(), Trouble> {
        let Some(vigil) = vigil.filter(|_| self.guarded_at.elapsed() >= GUARD_EVERY) else { return Ok(()) };
        vigil.look().await?;
        self.guarded_at = Instant::now();
        Ok(())
    }
}

/// Drives a step to [`Standing::After`]. With a vigil, what earlier stages did is looked after meanwhile.
pub(super) async fn forward(seat: &Seat<'_>, vigil: Option<&dyn Vigil>, planned: &PlannedStep) -> Result<(), Trouble> {
    let step = planned.id.clone();
    let mut intended = match seat.state().await.stand(&step) {
        Stand::Settled(_) | Stand::Found(_) => return Ok(()),
        stand => *stand == Stand::Intended,
    };
    let mut drive = Drive::new(seat, planned);
    drive.has_acted = intended;
    loop {
        seat.may_go_on()?;
        match drive.look().await {
            Err(error) => drive.endure(error, Purpose::Look).await?,
            Ok(Standing::Adrift(why)) => return Err(Trouble::Adrift { step, why }),
            Ok(Standing::After(evidence)) => {
                seat.note_settled(planned);
                seat.tell(&Notice::Settled {
                    step: step.clone(),
                    does: planned.step.does(seat.plan.subject()),
                    evidence: evidence.clone(),
                });
                let event = if intended { Event::Settled { step, evidence } } else { Event::Found { step, evidence } };
                return seat.write(event).await;
            }
            Ok(Standing::Underway(progress)) => {
                drive.patience.is_taken();
                drive.remind(progress.remind_after).await?;
                drive.wait_for(progress).await?;
                drive.guard(vigil).await?;
            }
            Ok(Standing::Before) => {
                if !intended {
                    drive.write(Event::Intent { step: step.clone() }).await?;
                    intended = true;
                    seat.tell(&Notice::Acting { step: step.clone(), does: planned.step.does(seat.plan.subject()) });
                }
                seat.may_go_on()?;
                if !drive.note().await? || !drive.may_change().await? {
                    continue;
                }
                seat.note_act(planned);
                match steps::act(&planned.step, seat.world()).await {
                    Ok(()) => {
                        drive.has_acted = true;
                        drive.patience.is_taken();
                        let wait = drive.pace.wait();
                        drive.pause(wait).await?;
                    }
                    Err(error) => drive.endure_refusal(error).await?,
                }
            }
        }
    }
}

/// How far a step that is taken back is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UndoGoal {
    /// Until it was asked for.
    Asked,
    /// Until it is seen to be so.
    Seen,
}

/// Drives a step back to [`Standing::Before`], or towards it.
pub(super) async fn back(seat: &Seat<'_>, planned: &PlannedStep, until: UndoGoal) -> Result<(), Trouble> {
    let step = planned.id.clone();
    let (mut intended, was_begun) = match seat.state().await.stand(&step) {
        Stand::Undone => return Ok(()),
        Stand::Undoing => (true, true),
        Stand::Untouched | Stand::Found(_) => (false, false),
        Stand::Intended | Stand::Settled(_) => (false, true),
    };
    let Some(undoes) = planned.step.undoes(seat.plan.subject()) else { return seat.write(Event::Undone { step }).await };
    let mut drive = Drive::new(seat, planned);
    loop {
        seat.may_go_on()?;
        let (is_going, progress) = match drive.look_back().await {
            Err(error @ StepError::Api(_)) => {
                drive.endure(error, Purpose::Look).await?;
                continue;
            }
            Ok(Standing::Adrift(why)) => return Err(Trouble::Adrift { step, why }),
            Ok(Standing::Before) if intended || was_begun => return seat.write(Event::Undone { step }).await,
            Ok(Standing::Before) => return Ok(()),
            Ok(Standing::Underway(progress)) => (true, progress),
            Ok(Standing::After(_)) => (false, Progress::default()),
            // What failed on the way there can be taken back all the same.
            Err(StepError::Failed { why, .. }) => (false, Progress { waiting_for: format!("{undoes} ({why})"), ..Progress::default() }),
        };
        if seat.looks_only() {
            if is_going {
                drive.wait_for(progress).await?;
                continue;
            }
            let why = format!("no volume bears the marks of this run, so this is not taken back on its word: {undoes}");
            let hint = "see what is there, and take it back by hand if it is this run's".to_owned();
            return Err(Trouble::Step { step, why, hint: Some(hint), remedy: Remedy::SamePlan });
        }
        if !intended {
            drive.write(Event::UndoIntent { step: step.clone() }).await?;
            intended = true;
            seat.tell(&Notice::Acting { step: step.clone(), does: undoes.clone() });
        }
        if !drive.may_change().await? {
            continue;
        }
        match steps::undo(&planned.step, seat.world()).await {
            Ok(()) if until == UndoGoal::Asked => return Ok(()),
            Ok(()) => {
                drive.patience.is_taken();
                drive.wait_for(progress).await?;
            }
            Err(error) => drive.endure(error, Purpose::Undo).await?,
        }
    }
}
