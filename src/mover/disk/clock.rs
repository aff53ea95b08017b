//! What change times on a file system prove, in a pass that began at a certain time.
//!
//! A clock that is set while a pass runs is noticed by [`super::set_back`].

use super::stat::Time;

/// How the stamps of this file system are to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// When the pass began, just before the volume was synced.
    pub began: Time,
    /// Whether stamps prove nothing (network file systems: cached attributes, another machine's clock).
    pub is_foreign: bool,
}

const SLACK_NANOS: i128 = 20_000_000;
const COARSE_SLACK_NANOS: i128 = 2_000_000_000;

impl Clock {
    /// Returns whether something with this change time may change again without showing it.
    #[must_use]
    pub fn is_hot(&self, changed: Time) -> bool {
        // File systems that keep whole seconds show no nanoseconds.
        let slack = if changed.nanos == 0 { COARSE_SLACK_NANOS } else { SLACK_NANOS };
        self.is_foreign || nanos(changed) >= nanos(self.began) - slack
    }
}

fn nanos(time: Time) -> i128 {
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
}
