//! How long to wait between looks: short at first, longer the longer nothing happens, never past a deadline.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_millis(30);

/// Waits grow by half each time, up to this.
const LONGEST: Duration = Duration::from_secs(1);

/// The same while the API does not answer.
const LONGEST_TROUBLED: Duration = Duration::from_secs(10);

/// The pace of one step.
#[derive(Debug)]
pub struct Pace {
    next: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Pace {
    /// Something happened: look again soon.
    pub fn quicken(&mut self) {
        self.next = FIRST;
    }

    /// The next wait while waiting for the world.
    pub fn wait(&mut self) -> Duration {
        self.grow(LONGEST)
    }

    /// The next wait after a failed call; the server may have asked for one.
    pub fn back_off(&mut self, asked_secs: Option<u64>) -> Duration {
        let own = self.grow(LONGEST_TROUBLED);
        asked_secs.map_or(own, |secs| own.max(Duration::from_secs(secs.min(60))))
    }

    fn grow(&mut self, longest: Duration) -> Duration {
        let now = self.next.min(longest);
        self.next = (now * 3 / 2).min(LONGEST_TROUBLED);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_anew() {
        let mut pace = Pace::default();
        let first = pace.wait();
        let waits: Vec<Duration> = (0..30).map(|_| pace.wait()).collect();
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(waits.last(), Some(&LONGEST));
        pace.quicken();
        assert_eq!(pace.wait(), first);
        assert!(pace.back_off(Some(3)) >= Duration::from_secs(3));
    }
}
