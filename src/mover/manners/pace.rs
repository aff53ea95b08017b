//! Keeps a pass to a number of bytes a second, over all its threads and volumes.
//!
//! Each thread takes what it is about to send and sleeps until that would have flowed; there is no burst beyond a tenth of a
//! second.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A flow of bytes.
#[derive(Debug)]
pub struct Pace {
    bytes_per_second: u64,
    free_at: Mutex<Instant>,
}

const BURST: Duration = Duration::from_millis(100);
/// Slept at a time, so that a sleep at a very small pace is bounded.
const SLEEP_MAX: Duration = Duration::from_secs(5);

impl Pace {
    /// Returns a flow of this many bytes a second.
    #[must_use]
    pub fn new(bytes_per_second: u64) -> Pace {
        Pace { bytes_per_second: bytes_per_second.max(1), free_at: Mutex::new(Instant::now()) }
    }

    /// Waits until this many bytes more may flow.
    pub fn take(&self, bytes: u64) {
        let wait = self.reserve(bytes, Instant::now());
        if !wait.is_zero() {
            std::thread::sleep(wait.min(SLEEP_MAX));
        }
    }

    fn reserve(&self, bytes: u64, now: Instant) -> Duration {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let mut free_at = self.free_at.lock().expect("no thread panics while it holds this lock");
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        *free_at = (*free_at).max(earliest) + cost;
        free_at.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_what_was_taken() {
        let pace = Pace::new(1000);
        let now = Instant::now();
        assert!(pace.reserve(50, now) <= Duration::from_millis(50));
        let wait = pace.reserve(1000, now);
        assert!(wait >= Duration::from_millis(900), "{wait:?}");
        assert!(pace.reserve(1000, now) >= wait + Duration::from_millis(990));
    }
}
