//! Ctrl-C, SIGTERM and the end of the terminal (SIGHUP), or what stands for them elsewhere, as events: counted, never a kill.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::sign::{Ears, Sign};
use crate::operate::failure::{CommandError, Kind};

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
        let cannot = |error: std::io::Error| CommandError::new(Kind::Error, format!("cannot listen for signals: {error}"));
        let mut ears = Ears::open().map_err(cannot)?;
        tokio::pin!(work);
        loop {
            let sign = tokio::select! {
                done = &mut work => return Ok(done),
                sign = ears.next() => sign,
            };
            match sign {
                Sign::Interrupt => {}
                Sign::Terminate => self.terminated.store(true, Ordering::SeqCst),
                // Nobody is there any more who could mean to leave the app down: it counts as a first interrupt, never as a second.
                Sign::Alone => {
                    self.terminated.store(true, Ordering::SeqCst);
                    self.sender.send_modify(|count| *count = (*count).max(1));
                    continue;
                }
            }
            self.sender.send_modify(|count| *count += 1);
        }
    }

    /// The sort of failure an interrupted run ends with.
    pub(super) fn kind(&self) -> Kind {
        if self.terminated.load(Ordering::SeqCst) { Kind::Terminated } else { Kind::Interrupted }
    }
}
