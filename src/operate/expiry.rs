//! Whether credentials outlast a move. A run whose credentials run out cannot go on, nor back, until somebody comes with others; while the app
//! is down that is an outage. So it is looked at before the drain.

use jiff::{SignedDuration, Timestamp};

use super::caller::{Caller, Remark};
use super::exit::ExitClass;
use super::failure::CommandError;
use crate::cluster::Expiry;
use crate::plan::{ASSUMED_BYTES_PER_SECOND, Plan};
use crate::survey::Survey;

/// What a move takes besides copying, in seconds.
const BESIDES_SECS: u64 = 600;

/// How long a move is expected to take, in seconds: of what is used, where that is known.
fn expected_secs(plan: &Plan, seen: &Survey) -> u64 {
    let used = |claim: &str| seen.claims.iter().find(|one| one.name == claim).and_then(|one| one.used_bytes);
    let bytes = plan.moves.iter().map(|one| used(&one.claim).unwrap_or(one.source.capacity_bytes)).fold(0, u64::saturating_add);
    let speed = plan.request.bytes_per_second_max.unwrap_or(ASSUMED_BYTES_PER_SECOND).clamp(1, ASSUMED_BYTES_PER_SECOND);
    (bytes / speed).saturating_add(BESIDES_SECS)
}

/// What there is to say about credentials; none: they outlast the move.
fn doubt(expiry: Expiry, now: Timestamp, secs: u64) -> Option<String> {
    let minutes = secs.div_ceil(60);
    match expiry {
        Expiry::None => None,
        Expiry::Unknown => Some(format!(
            "your credentials do not say when they expire; the move is expected to take {minutes} min, and cannot end without them"
        )),
        Expiry::At(end) => {
            let long = SignedDuration::from_secs(i64::try_from(secs).unwrap_or(i64::MAX));
            let is_short = now.checked_add(long).map_or(true, |through| through > end);
            is_short.then(|| format!("your credentials expire at {end}, and the move is expected to take {minutes} min"))
        }
    }
}

/// Warns of credentials that may not outlast a move.
pub(super) fn warn(expiry: Expiry, plan: &Plan, seen: &Survey, caller: &impl Caller) {
    if let Some(doubt) = doubt(expiry, Timestamp::now(), expected_secs(plan, seen)) {
        caller.tell(&Remark::Warning(&doubt));
    }
}

/// Refuses to begin a move that credentials are known not to outlast, and warns where it is not known.
pub(super) fn refuse(expiry: Expiry, plan: &Plan, seen: &Survey, caller: &impl Caller) -> Result<(), CommandError> {
    let Some(doubt) = doubt(expiry, Timestamp::now(), expected_secs(plan, seen)) else { return Ok(()) };
    match expiry {
        Expiry::At(_) => Err(CommandError::new(ExitClass::Refused, format!("refused: {doubt}")).hinted(
            "use credentials that last longer, such as a token made with `kubectl create token --duration`, or move fewer claims at a time",
        )),
        Expiry::None | Expiry::Unknown => {
            caller.tell(&Remark::Warning(&doubt));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_doubted_that_end_before_the_move_does() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let now = time("2026-01-01T00:00:00Z");
        let said = |expiry, secs| doubt(expiry, now, secs);
        assert_eq!(said(Expiry::None, u64::MAX), None);
        let at = Expiry::At(time("2026-01-01T01:00:00Z"));
        assert_eq!(said(at, 3600), None);
        let short = "your credentials expire at 2026-01-01T01:00:00Z, and the move is expected to take 61 min";
        assert_eq!(said(at, 3601).as_deref(), Some(short));
        assert!(said(at, u64::MAX).is_some());
        assert!(said(Expiry::Unknown, 1).is_some_and(|said| said.contains("do not say when they expire")));
    }
}
