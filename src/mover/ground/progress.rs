//! The counters of one volume in one pass, shared by its threads and read for the reports.
//!
//! Counts only; what they mean for a person is in [`crate::contract::orders::VolumeReport`].

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::digest::Digest;
use super::fail::{Halt, Result};
use super::gate::Gate;
use crate::contract::orders::{Phase, VolumeReport};

/// Says to all threads of a pass that it is over, or that they are to rest.
#[derive(Debug, Default)]
pub struct Cancel {
    is_set: AtomicBool,
    /// Where they rest.
    pub gate: Gate,
}

impl Cancel {
    /// Ends the pass.
    pub fn set(&self) {
        self.is_set.store(true, Ordering::Relaxed);
    }

    /// Returns whether the pass was ended.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    /// Rests if that is due; fails when the pass was ended. No lock is held by who calls this.
    pub fn check(&self) -> Result<()> {
        self.gate.go_through();
        if self.is_set() { Err(Halt::Cancelled) } else { Ok(()) }
    }
}

/// A number that threads add to.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Returns the sum.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Where one volume stands.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "as in `VolumeReport`, where not said otherwise")]
pub struct Progress {
    pub entries: Count,
    pub bytes: Count,
    pub bytes_done: Count,
    pub entries_changed: Count,
    pub bytes_changed: Count,
    pub bytes_sent: Count,
    /// Bytes in files that must be read again in the next pass.
    pub bytes_hot: Count,
    /// Bytes that were read, not skipped.
    pub bytes_read: Count,
    /// Microseconds that threads rested for the sake of the app, added up.
    pub rested_us: Count,
    /// Something changed under the pass.
    pub unsettled: AtomicBool,
    told: Mutex<Milestones>,
}

#[derive(Debug, Default)]
struct Milestones {
    begun: Option<Instant>,
    elapsed_ms: Option<u64>,
    phase: Phase,
    predicted_ms: Option<u64>,
    source_root: Option<Digest>,
    target_root: Option<Digest>,
    differences: Vec<String>,
}

impl Progress {
    fn told(&self) -> std::sync::MutexGuard<'_, Milestones> {
        self.told.lock().expect("no thread panics while it holds this lock")
    }

    /// Begins the volume's pass: its clock runs.
    pub fn begin(&self) {
        self.told().begun = Some(Instant::now());
        self.enter(Phase::Copying);
    }

    /// Notes that everything must be read again in the next pass.
    pub(crate) fn all_is_hot(&self) {
        self.bytes_hot.reset();
        self.bytes_hot.add(self.bytes.get());
    }

    /// Sets all numbers back, for the next pass over the same volume.
    pub fn restart(&self) {
        let counts = [&self.entries, &self.bytes, &self.bytes_done, &self.entries_changed, &self.bytes_changed];
        for count in counts.into_iter().chain([&self.bytes_sent, &self.bytes_hot, &self.bytes_read, &self.rested_us]) {
            count.reset();
        }
        self.unsettled.store(false, Ordering::Relaxed);
        *self.told() = Milestones::default();
        self.begin();
    }

    /// Goes on to another phase.
    pub fn enter(&self, phase: Phase) {
        let mut told = self.told();
        told.phase = phase;
        if phase == Phase::Through {
            told.elapsed_ms = told.begun.map(elapsed_ms);
        }
    }

    /// Notes the prediction for a last pass.
    pub fn predict(&self, milliseconds: u64) {
        self.told().predicted_ms = Some(milliseconds);
    }

    /// Notes the root digests of the proof.
    pub fn prove(&self, source: Option<Digest>, target: Option<Digest>) {
        let mut told = self.told();
        told.source_root = source;
        told.target_root = target;
    }

    /// Notes at which paths the volume is not like another.
    pub fn differ(&self, paths: Vec<String>) {
        self.told().differences = paths;
    }

    /// Returns the phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.told().phase
    }

    /// Returns what is reported of it.
    #[must_use]
    pub fn report(&self, name: &str) -> VolumeReport {
        let told = self.told();
        VolumeReport {
            name: name.to_owned(),
            phase: told.phase,
            entries: self.entries.get(),
            bytes: self.bytes.get(),
            // Looked at includes holes, and files that were not counted yet.
            bytes_done: self.bytes_done.get().min(self.bytes.get()),
            entries_changed: self.entries_changed.get(),
            bytes_changed: self.bytes_changed.get(),
            bytes_sent: self.bytes_sent.get(),
            elapsed_ms: told.elapsed_ms.or(told.begun.map(elapsed_ms)).unwrap_or(0),
            predicted_last_pass_ms: told.predicted_ms,
            unsettled: self.unsettled.load(Ordering::Relaxed),
            source_root: told.source_root.map(|root| root.hex()),
            target_root: told.target_root.map(|root| root.hex()),
            differences: told.differences.clone(),
            differences_left_out: 0,
        }
    }
}

fn elapsed_ms(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
