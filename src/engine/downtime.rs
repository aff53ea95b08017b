//! Whether the app is down because of a run, and for how long. A process that takes up a run knows it from the journal.
//!
//! It counts time and decides nothing.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::journal::{RunState, Stand};
use crate::plan::{Plan, PlannedStep, Step};

/// Whether the app is down by what the journal says: a step that stops it was begun, and it was neither taken back nor is the app ready.
#[must_use]
pub fn is_down(plan: &Plan, state: &RunState) -> bool {
    let begun = |step: &PlannedStep| !matches!(state.stand(&step.id), Stand::Untouched | Stand::Undone);
    let done = |step: &PlannedStep| matches!(state.stand(&step.id), Stand::Settled(_) | Stand::Found(_));
    let is_wait = |step: &PlannedStep| matches!(step.step, Step::AwaitReady(_));
    let stopped = plan.steps().any(|(_, step)| step.step.stops_app() && begun(step));
    stopped && !plan.steps().filter(|(_, step)| is_wait(step)).all(|(_, step)| done(step))
}

/// When the app was stopped by what the journal says, in the words of its entry; none while it is up.
#[must_use]
pub fn down_since<'a>(plan: &Plan, state: &'a RunState) -> Option<&'a str> {
    let stops = plan.steps().filter(|(_, step)| step.step.stops_app());
    is_down(plan, state).then(|| stops.filter_map(|(_, step)| state.begun_at(&step.id)).min()).flatten()
}

/// The downtime of one run, as one process counts it.
#[derive(Debug, Default)]
pub(super) struct Downtime(Mutex<Option<Span>>);

#[derive(Clone, Copy, Debug)]
struct Span {
    from: Instant,
    /// How long the app was down before this process came, by the clocks of the journal's writers and ours.
    before: Duration,
}

impl Downtime {
    /// As the journal says it is.
    pub(super) fn of(plan: &Plan, state: &RunState) -> Self {
        let since = down_since(plan, state).and_then(|at| at.parse::<Timestamp>().ok());
        let before = since.map_or(0, |since| Timestamp::now().as_millisecond() - since.as_millisecond());
        let before = Duration::from_millis(u64::try_from(before).unwrap_or(0));
        Self(Mutex::new(is_down(plan, state).then(|| Span { from: Instant::now(), before })))
    }

    fn span(&self) -> MutexGuard<'_, Option<Span>> {
        self.0.lock().expect("no code panics while holding this lock")
    }

    /// How long the app has been down so far; none while it is up.
    pub(super) fn so_far(&self) -> Option<Duration> {
        self.span().map(|span| span.before + span.from.elapsed())
    }

    /// The app is being stopped; whether it was up before.
    pub(super) fn begin(&self) -> bool {
        let mut span = self.span();
        let was_up = span.is_none();
        if was_up {
            *span = Some(Span { from: Instant::now(), before: Duration::ZERO });
        }
        was_up
    }

    /// The app is up; for how long it was down, if it was.
    pub(super) fn end(&self) -> Option<Duration> {
        let span = self.span().take()?;
        Some(span.before + span.from.elapsed())
    }
}
