//! Tells an engine that is silent from one that has nothing new to order: the mover ends when its orders do not change for too long.
//!
//! A mover whose engine is gone holds the volume of an app that may want to go elsewhere. Nothing is ended here, and no order is understood: what counts
//! is that the file changes, by however little, and the time that one order allows for it.

use std::path::Path;
use std::time::Duration;

use rustix::time::ClockId;

use crate::contract::orders::{Failure, Reason};
use crate::mover::ground::digest::Digest;

/// How long a mover waits for its first orders, which alone could tell it how long to wait. They come within minutes: an engine makes all movers
/// of a copy before it orders the first pass.
pub const UNORDERED_SECS_MAX: u64 = 3600;

/// What was heard last, and when.
#[derive(Debug)]
pub(super) struct Silence {
    heard: Option<Digest>,
    since: Duration,
    secs_max: Option<u64>,
}

/// The part of orders that is heeded here, whatever else they say.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limit {
    #[serde(default)]
    silence_secs_max: Option<u64>,
}

impl Silence {
    /// Returns that of a mover that has heard nothing yet.
    pub(super) fn new(now: Duration) -> Silence {
        Silence { heard: None, since: now, secs_max: Some(UNORDERED_SECS_MAX) }
    }

    /// Takes what the orders are now; returns why the mover is to end, if it is to.
    pub(super) fn note(&mut self, orders: Option<&[u8]>, now: Duration) -> Option<Failure> {
        if let Some(orders) = orders {
            let heard = Digest::of(orders);
            if self.heard != Some(heard) {
                (self.heard, self.since) = (Some(heard), now);
                // Half written ones leave it as it is.
                if let Ok(Limit { silence_secs_max }) = serde_json::from_slice(orders) {
                    self.secs_max = silence_secs_max;
                }
            }
        }
        let secs = now.saturating_sub(self.since).as_secs();
        self.secs_max.is_some_and(|most| secs >= most).then(|| {
            let message = format!("the engine has been silent for {secs} s, so the mover ends");
            Failure { reason: Reason::EngineSilent, volume: None, message }
        })
    }
}

/// Reads the orders as they are; none while there are none.
pub(super) fn orders_now(path: &Path) -> Option<Vec<u8>> {
    std::fs::read(path).ok()
}

/// Returns the time since the node was started, in which it may have slept: an engine that could not be heard meanwhile counts as silent.
pub(super) fn now() -> Duration {
    let time = rustix::time::clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn orders(heartbeat: u64) -> Vec<u8> {
        format!(r#"{{"version":1,"sequence":3,"order":{{"do":"idle"}},"heartbeat":{heartbeat},"silenceSecsMax":100}}"#).into_bytes()
    }

    #[test]
    fn orders_that_stay_the_same_are_silence_and_any_change_is_a_sign() {
        let mut silence = Silence::new(at(0));
        assert!(silence.note(Some(&orders(1)), at(500)).is_none());
        assert!(silence.note(Some(&orders(1)), at(599)).is_none());
        assert!(silence.note(Some(&orders(2)), at(599)).is_none());
        assert!(silence.note(Some(&orders(2)), at(698)).is_none());
        let failure = silence.note(Some(&orders(2)), at(699)).expect("it is silent");
        assert_eq!(
            (failure.reason, failure.message.as_str()),
            (Reason::EngineSilent, "the engine has been silent for 100 s, so the mover ends")
        );
    }

    #[test]
    fn orders_that_are_gone_or_half_written_are_no_sign_for_long() {
        let mut silence = Silence::new(at(0));
        assert!(silence.note(Some(&orders(1)), at(0)).is_none());
        assert!(silence.note(None, at(99)).is_none());
        assert!(silence.note(None, at(100)).is_some());
        assert!(silence.note(Some(&orders(2)[..20]), at(100)).is_none());
        assert!(silence.note(Some(&orders(2)[..20]), at(200)).is_some());
    }

    #[test]
    fn orders_of_an_engine_that_says_no_limit_have_none() {
        let mut silence = Silence::new(at(0));
        assert!(silence.note(Some(br#"{"version":1,"sequence":1,"order":{"do":"idle"}}"#), at(3599)).is_none());
        assert!(silence.note(Some(br#"{"version":1,"sequence":1,"order":{"do":"idle"}}"#), at(1_000_000)).is_none());
    }

    #[test]
    fn a_mover_that_never_had_orders_ends_too() {
        let mut silence = Silence::new(at(1000));
        assert!(silence.note(None, at(1000 + UNORDERED_SECS_MAX - 1)).is_none());
        assert!(silence.note(None, at(1000 + UNORDERED_SECS_MAX)).is_some());
    }
}
