//! Rests between reads while the source's disk is slower than it is wont to be, because the app beside a warm pass wants it too.
//!
//! The only sign it goes by is how long reads take. The kernel's own measure (`/proc/pressure/io`) counts the mover's waiting as
//! pressure and is near its top whenever a pass reads, however idle the app; so it says nothing here. How fast bytes go to the
//! target is [`super::pace`]'s business.
//!
//! Reads of a size are compared with reads of that size only. Of each so many the 90th percentile is taken; it is slow when it is
//! over three times the least of them so far. What was least grows a little with each, so that a disk that has become another one
//! is learnt. A rest doubles while reads are slow and melts while they are not, and it has a limit: a pass goes on whatever happens.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// How long threads rest after their reads, shared by all of a pass.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<Rests>);

#[derive(Debug, Default)]
struct Rests {
    rest: Duration,
    /// By the number of binary digits of a size.
    sizes: [Window; SIZES],
}

/// The latest reads of about one size.
#[derive(Debug, Default)]
struct Window {
    taken: Vec<Duration>,
    least: Option<Duration>,
}

/// Sizes up to a segment, which has 23 digits, and all above.
const SIZES: usize = 24;
/// Reads that are judged together.
const WINDOW: usize = 32;
/// Over this many times the least, reads are slow.
const SLOW_FACTOR: u32 = 3;
/// Faster is never slow: reads that were in memory must not become the measure of the disk.
const QUICK: Duration = Duration::from_millis(2);
const REST_MIN: Duration = Duration::from_millis(5);
const REST_MAX: Duration = Duration::from_millis(200);

impl Throttle {
    /// Notes a read; returns how long its thread is to rest now.
    pub fn note(&self, bytes: u64, took: Duration) -> Duration {
        let mut state = self.lock();
        let size = (u64::BITS - bytes.leading_zeros()) as usize;
        match state.sizes[size.min(SIZES - 1)].judge(took) {
            Some(true) => state.rest = (state.rest * 2).clamp(REST_MIN, REST_MAX),
            Some(false) => state.rest = melted(state.rest),
            None => {}
        }
        state.rest
    }

    fn lock(&self) -> MutexGuard<'_, Rests> {
        self.0.lock().expect("no thread panics while it holds this lock")
    }
}

fn melted(rest: Duration) -> Duration {
    let less = rest * 3 / 4;
    if less < REST_MIN { Duration::ZERO } else { less }
}

impl Window {
    /// Adds a read; once there are enough of them, returns whether they were slow.
    fn judge(&mut self, took: Duration) -> Option<bool> {
        self.taken.push(took);
        if self.taken.len() < WINDOW {
            return None;
        }
        self.taken.sort_unstable();
        let latency = self.taken[WINDOW * 9 / 10];
        self.taken.clear();
        let least = self.least.map_or(latency, |least| latency.min(least + least / 512)).max(QUICK);
        self.least = Some(least);
        Some(latency > least * SLOW_FACTOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: u64 = 4 << 20;

    /// Notes windows of reads that take so many milliseconds each; returns the rest after the last.
    fn after(throttle: &Throttle, bytes: u64, windows: usize, milliseconds: u64) -> Duration {
        let mut rest = Duration::ZERO;
        for _ in 0..windows * WINDOW {
            rest = throttle.note(bytes, Duration::from_millis(milliseconds));
        }
        rest
    }

    #[test]
    fn nothing_rests_while_reads_take_what_they_are_wont_to() {
        let throttle = Throttle::default();
        assert_eq!(after(&throttle, SEGMENT, 1, 10), Duration::ZERO);
        assert_eq!(after(&throttle, SEGMENT, 5, 29), Duration::ZERO);
    }

    #[test]
    fn rests_grow_while_reads_are_slow_up_to_a_limit_and_end_when_they_are_not() {
        let throttle = Throttle::default();
        after(&throttle, SEGMENT, 1, 10);
        let first = after(&throttle, SEGMENT, 1, 40);
        let second = after(&throttle, SEGMENT, 1, 40);
        assert_eq!((first, second), (REST_MIN, REST_MIN * 2));
        assert_eq!(after(&throttle, SEGMENT, 8, 40), REST_MAX);
        let better = after(&throttle, SEGMENT, 1, 10);
        assert!(better < REST_MAX && !better.is_zero(), "{better:?}");
        assert_eq!(after(&throttle, SEGMENT, 20, 10), Duration::ZERO);
    }

    #[test]
    fn a_few_slow_reads_among_many_are_no_sign() {
        let throttle = Throttle::default();
        after(&throttle, SEGMENT, 1, 10);
        for number in 0..4 * WINDOW {
            let took = if number % 16 == 0 { 500 } else { 10 };
            assert_eq!(throttle.note(SEGMENT, Duration::from_millis(took)), Duration::ZERO);
        }
    }

    #[test]
    fn large_reads_are_not_held_against_small_ones() {
        let throttle = Throttle::default();
        after(&throttle, 4096, 4, 3);
        assert_eq!(after(&throttle, SEGMENT, 4, 40), Duration::ZERO);
        assert_eq!(after(&throttle, 4096, 1, 30), REST_MIN);
    }

    #[test]
    fn reads_from_memory_do_not_become_the_measure() {
        let throttle = Throttle::default();
        after(&throttle, SEGMENT, 4, 0);
        assert_eq!(after(&throttle, SEGMENT, 4, 6), Duration::ZERO);
        assert_eq!(after(&throttle, SEGMENT, 1, 7), REST_MIN);
    }

    #[test]
    fn a_disk_that_has_become_slower_for_good_is_learnt() {
        let throttle = Throttle::default();
        after(&throttle, SEGMENT, 1, 10);
        assert_eq!(after(&throttle, SEGMENT, 20, 40), REST_MAX);
        assert_eq!(after(&throttle, SEGMENT, 200, 40), Duration::ZERO);
    }
}
