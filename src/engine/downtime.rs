//! Whether the app is down because of a run, and for how long. A process that takes up a run knows it from the journal.
//!
//! It counts time and decides nothing.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::journal::Entry;
use crate::journal::outage::down_since;
use crate::plan::Plan;

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
    pub(super) fn of(plan: &Plan, entries: &[Entry]) -> Self {
        let span = down_since(plan, entries).map(|at| {
            let since = at.parse::<Timestamp>().map_or(0, |since| Timestamp::now().as_millisecond() - since.as_millisecond());
            Span { from: Instant::now(), before: Duration::from_millis(u64::try_from(since).unwrap_or(0)) }
        });
        Self(Mutex::new(span))
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
