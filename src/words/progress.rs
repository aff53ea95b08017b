//! How far a run is, in lines: one for each thing that happened, and one now and then while it waits.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::escaped::{Words, words};
use super::output::to_stderr;
use crate::contract::orders::VolumeReport;
use crate::engine::{Listener, Notice};
use crate::size;

/// How often progress is told off a terminal.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// One line for each thing that happened; progress now and then.
#[derive(Default)]
pub(super) struct Lines {
    told: Mutex<BTreeMap<String, Instant>>,
}

impl Listener for Lines {
    fn tell(&self, notice: &Notice) {
        if let Notice::Waiting { step, progress } = notice {
            let mut told = self.told.lock().expect("no code panics while holding this lock");
            let now = Instant::now();
            let last = told.entry(step.0.clone()).or_insert(now);
            if now.duration_since(*last) >= TELL_EVERY {
                *last = now;
                to_stderr(&words!("  … waiting for {}{}", progress.waiting_for, progress_words(&progress.volumes)));
            }
        } else if let Some(line) = line(notice) {
            to_stderr(&line);
        }
    }
}

/// A line for whatever deserves one.
pub(super) fn line(notice: &Notice) -> Option<Words> {
    match notice {
        Notice::Stage { number, of, name, back: false } => Some(words!("[{}/{}] {}", number, of, name)),
        Notice::Stage { number, of, name, back: true } => Some(words!("[{}/{}] taking back: {}", number, of, name)),
        Notice::Acting { .. } | Notice::Waiting { .. } => None,
        Notice::Settled { does, evidence, .. } if evidence.note.is_empty() => Some(words!("  ✓ {}", does)),
        Notice::Settled { does, evidence, .. } => Some(words!("  ✓ {} ({})", does, evidence.note)),
        Notice::Retrying { why, .. } => Some(words!("  … trying again: {}", why)),
        Notice::AppStops => Some(words!("  the app is down from now")),
        Notice::AppIsDown { down_ms } => Some(words!("  the app is down, for {} s so far", seconds(*down_ms))),
        Notice::AppReady { down_ms } => Some(words!("  the app is ready; it was down for {} s", seconds(*down_ms))),
        Notice::AppStarted { stopped_ms } => {
            Some(words!("  the app is started again on its source; it was stopped for {} s", seconds(*stopped_ms)))
        }
        Notice::InterruptHeld => {
            Some(words!("  interrupted; the run goes on until the app is up again. Interrupt once more to stop at once"))
        }
        Notice::GoingBack { why } => Some(words!("  ✗ {}\n  going back", why)),
    }
}

fn seconds(millis: u64) -> String {
    format!("{:.1}", millis as f64 / 1000.0)
}

/// ` (1.2Gi of 3Gi)`, or nothing.
fn progress_words(volumes: &[VolumeReport]) -> Words {
    let sum = |bytes: fn(&VolumeReport) -> u64| volumes.iter().map(bytes).fold(0, u64::saturating_add);
    let (done, all) = (sum(|volume| volume.bytes_done), sum(|volume| volume.bytes));
    if all == 0 { Words::default() } else { words!(" ({} of {})", size::words(done), size::words(all)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::escape;
    use crate::journal::Evidence;
    use crate::plan::StepId;

    const NASTY: &str = "\u{1b}]0;owned\u{7}\u{9b}2J\n[9/9] x\u{202e}";
    const SPELLED: &str = "\\x1b]0;owned\\x07\\u{9b}2J\\n[9/9] x\\u{202e}";

    /// A notice of each kind that has something foreign.
    fn notices(foreign: &str) -> [Notice; 6] {
        let (text, step) = (|| foreign.to_owned(), StepId(foreign.to_owned()));
        [
            Notice::Stage { number: 1, of: 2, name: text(), back: false },
            Notice::Stage { number: 1, of: 2, name: text(), back: true },
            Notice::Settled { step: step.clone(), does: text(), evidence: Evidence::default() },
            Notice::Settled { step: step.clone(), does: text(), evidence: Evidence::note(text() + "!") },
            Notice::Retrying { step, why: text() },
            Notice::GoingBack { why: text() },
        ]
    }

    fn lines_of(foreign: &str) -> Vec<String> {
        notices(foreign).iter().filter_map(line).map(|line| line.as_str().to_owned()).collect()
    }

    #[test]
    fn progress_is_told_in_lines_of_ours() {
        let expected = ["[1/2] ¤", "[1/2] taking back: ¤", "  ✓ ¤", "  ✓ ¤ (¤!)", "  … trying again: ¤", "  ✗ ¤\n  going back"];
        assert_eq!(lines_of("¤"), expected);
        assert_eq!(lines_of(NASTY), expected.map(|line| line.replace('¤', SPELLED)));
    }

    proptest! {
        #[test]
        fn no_progress_line_has_controls_or_lines_that_are_foreign(foreign in proptest::collection::vec(any::<char>(), 0..12)) {
            let foreign: String = foreign.into_iter().collect();
            for (ours, line) in lines_of("¤").iter().zip(lines_of(&foreign)) {
                assert_eq!(line.lines().count(), ours.lines().count());
                assert!(line.chars().all(|one| one == '\n' || escape::prints(one)), "{line:?}");
            }
        }
    }
}
