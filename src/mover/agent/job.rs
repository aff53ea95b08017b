//! The order that is being carried out, as the thread sees it that reports on it.
//!
//! It carries nothing out.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::contract::orders::{Phase, Volume, VolumeReport};
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::manners::pace::Pace;
use crate::mover::net::notices::Ender;

const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How a pass is to be made.
pub(super) struct Manner {
    pub(super) is_last: bool,
    pub(super) is_throttled: bool,
    pub(super) pace: Option<Arc<Pace>>,
}

/// The order that is being carried out, as the reporting thread sees it.
pub(super) struct Job {
    pub(super) sequence: u64,
    pub(super) progress: Vec<(String, Arc<Progress>)>,
    pub(super) cancel: Arc<Cancel>,
    pub(super) ender: Mutex<Option<Ender>>,
}

impl Job {
    pub(super) fn new(sequence: u64, volumes: &[Volume]) -> Job {
        let progress = volumes.iter().map(|volume| (volume.name.clone(), Arc::default())).collect();
        Job { sequence, progress, cancel: Arc::default(), ender: Mutex::default() }
    }

    pub(super) fn reports(&self) -> Vec<VolumeReport> {
        self.progress.iter().map(|(name, progress)| progress.report(name)).collect()
    }

    pub(super) fn cancel(&self) {
        self.cancel.set();
        if let Some(ender) = &*self.ender.lock().expect("no thread panics while it holds this lock") {
            ender.end();
        }
    }
}

/// Says when a report is due: at each change of phase, and every so often.
#[derive(Default)]
pub(super) struct Ticker {
    last: Option<(Instant, Vec<Phase>)>,
}

impl Ticker {
    pub(super) fn is_due(&mut self, phases: impl Iterator<Item = Phase>) -> bool {
        let phases: Vec<Phase> = phases.collect();
        let is_due = match &self.last {
            Some((at, before)) => at.elapsed() >= REPORT_EVERY || *before != phases,
            None => true,
        };
        if is_due {
            self.last = Some((Instant::now(), phases));
        }
        is_due
    }
}
