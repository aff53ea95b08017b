//! Ctrl-C, SIGTERM and the end of the terminal (SIGHUP) as events: counted, never a kill.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::operate::exit::ExitClass;
use crate::operate::failure::CommandError;

/// Whether this process was started with a signal ignored, as by `nohup`: whoever did so wants it to go on.
fn is_ignored(signal: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal.as_raw_value() - 1) & 1 == 1
}

/// The next signal of those that are listened to.
async fn heard(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

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
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        let mut hangup = if is_ignored(SignalKind::hangup()) { None } else { Some(signal(SignalKind::hangup()).map_err(cannot)?) };
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                _ = interrupt.recv() => {}
                _ = terminate.recv() => self.terminated.store(true, Ordering::SeqCst),
                // Nobody is there any more who could mean to leave the app down: it counts as a first interrupt, never as a second.
                _ = heard(&mut hangup) => {
                    self.terminated.store(true, Ordering::SeqCst);
                    self.sender.send_modify(|count| *count = (*count).max(1));
                    continue;
                }
            }
            self.sender.send_modify(|count| *count += 1);
        }
    }

    /// Whether the system told the process to end, or nobody is there any more.
    pub(super) fn has_terminated(&self) -> bool {
        self.terminated.load(Ordering::SeqCst)
    }
}
