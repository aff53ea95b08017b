//! Where the threads of a pass rest when they are told to.
//!
//! It knows nothing of why they are to rest, and holds nobody for long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The longest that a thread is held at a time: a pass goes on whatever happens.
const HELD_MAX: Duration = Duration::from_secs(2);

/// Where the threads of a pass wait while they are to rest.
#[derive(Debug, Default)]
pub struct Gate {
    is_shut: AtomicBool,
    waiters: Mutex<Waiters>,
    opened: Condvar,
}

#[derive(Debug, Default)]
struct Waiters {
    waiting: usize,
    /// Since when there has been somebody waiting.
    waiting_since: Option<Instant>,
    waited_before: Duration,
}

impl Gate {
    /// Waits while the gate is shut.
    pub fn go_through(&self) {
        if !self.is_shut() {
            return;
        }
        let mut waiters = self.lock();
        waiters.waiting += 1;
        waiters.waiting_since.get_or_insert_with(Instant::now);
        let waited = self.opened.wait_timeout_while(waiters, HELD_MAX, |_| self.is_shut());
        let (mut waiters, _) = waited.expect("no thread panics while it holds this lock");
        waiters.waiting -= 1;
        if let (0, Some(since)) = (waiters.waiting, waiters.waiting_since) {
            waiters.waiting_since = None;
            waiters.waited_before += since.elapsed();
        }
    }

    /// Returns for how long somebody has waited in all. While it is shut and nobody comes, as during a sync, nothing is lost by it.
    #[must_use]
    pub fn held(&self) -> Duration {
        let waiters = self.lock();
        waiters.waited_before + waiters.waiting_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Returns whether it is shut.
    #[must_use]
    pub fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::Relaxed)
    }

    /// Shuts it, or opens it and lets everybody on.
    pub(crate) fn set(&self, is_shut: bool) {
        // Within the lock, so that nobody begins to wait for what has just been told.
        let _waiters = self.lock();
        if self.is_shut.swap(is_shut, Ordering::Relaxed) && !is_shut {
            self.opened.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().expect("no thread panics while it holds this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_is_shut_costs_nothing_while_nobody_comes() {
        let gate = Gate::default();
        gate.set(true);
        assert_eq!(gate.held(), Duration::ZERO);
        std::thread::scope(|scope| {
            scope.spawn(|| gate.go_through());
            while gate.held().is_zero() {
                std::thread::yield_now();
            }
            gate.set(false);
        });
        let held = gate.held();
        assert_eq!(gate.held(), held, "nobody waits any more");
    }
}
