//! What signals mean for a run: they are events, counted while it is driven, never a kill.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::stop_signals::{StopSignal, StopSignals};
use crate::operate::exit::ExitClass;
use crate::operate::failure::CommandError;

/// Counts signals while something else works.
pub(super) struct Signals {
    /// How many have come.
    pub(super) count: watch::Receiver<u32>,
    sender: watch::Sender<u32>,
    terminated: Arc<AtomicBool>,
}

impl Signals {
    /// Begins with none.
    pub(super) fn new() -> Self {
        let (sender, count) = watch::channel(0);
        Self { count, sender, terminated: Arc::new(AtomicBool::new(false)) }
    }

    /// Does some work, counting signals meanwhile.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> Result<T, CommandError> {
        let cannot = |error: std::io::Error| CommandError::new(ExitClass::Error, format!("cannot listen for signals: {error}"));
        let mut signals = StopSignals::open().map_err(cannot)?;
        tokio::pin!(work);
        loop {
            let signal = tokio::select! {
                done = &mut work => return Ok(done),
                signal = signals.next() => signal,
            };
            self.terminated.fetch_or(signal != StopSignal::Interrupt, Ordering::SeqCst);
            self.sender.send_modify(|count| match signal {
                StopSignal::Interrupt | StopSignal::Terminate => *count += 1,
                // Nobody is there any more who could mean to leave the app down: it counts as a first interrupt, never as a second.
                StopSignal::Alone => *count = (*count).max(1),
            });
        }
    }

    /// Whether the system told the process to end, or nobody is there any more.
    pub(super) fn has_terminated(&self) -> bool {
        self.terminated.load(Ordering::SeqCst)
    }
}
