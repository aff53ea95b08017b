//! How long the last pass over a volume would take, judged by the pass that has just ended.
//!
//! Only an estimate for people and for the outage that a plan allows: nothing of the data path depends on it.

use std::time::Duration;

use crate::mover::disk::volume::VolumeData;
use crate::mover::ground::progress::Progress;
use crate::mover::ground::work;

/// Entries that a walk looks at in a second, at a modest rate that does not depend on what a pass had to do.
const WALKED_PER_SECOND: f64 = 200_000.0;

/// Estimates a last pass in milliseconds: the walk again, what is hot or kept changing read and written again at the rate of
/// this pass, and the sync and proof of that.
pub(super) fn last_pass_ms(data: &VolumeData, is_first: bool, progress: &Progress, copying: Duration, ending: Duration) -> u64 {
    let read = progress.bytes_read.get().max(1) as f64;
    let again = match data {
        VolumeData::Device(_) => progress.bytes.get() as f64,
        VolumeData::Tree(_) if is_first => progress.bytes_hot.get() as f64,
        VolumeData::Tree(_) => (progress.bytes_hot.get().max(progress.bytes_changed.get())) as f64,
    };
    let walking = walking(data, progress).min(copying.as_secs_f64());
    let share = (again / read).min(1.0);
    let seconds = walking + (copying.as_secs_f64() - walking) * share + walking + (ending.as_secs_f64() - walking).max(0.0) * share;
    (seconds * 1000.0).ceil() as u64
}

/// Returns the seconds a walk of all entries takes.
fn walking(data: &VolumeData, progress: &Progress) -> f64 {
    match data {
        VolumeData::Device(_) => 0.0,
        VolumeData::Tree(_) => progress.entries.get() as f64 / WALKED_PER_SECOND,
    }
}

/// Returns by how much rests after reads have drawn a pass out at least; a last pass takes none.
pub(super) fn rested(progress: &Progress) -> Duration {
    Duration::from_micros(progress.rested_us.get() / work::threads() as u64)
}
