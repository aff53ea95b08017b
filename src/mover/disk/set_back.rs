//! Notices that the node's clock was set back while a pass ran.
//!
//! What changed after the beginning of a pass is told by change times, which are of the wall clock. If that is set back meanwhile, a file that was written
//! after it has a change time from before. It counts as old though it may change again without a new one. So the wall clock is compared with the time since the node was
//! started, which nobody sets: the kernel keeps both by one count, so that they part only when the wall clock is set (or by a leap second).
//! A clock that is set back and forth within one pass is not noticed.

use rustix::time::{ClockId, Timespec};

/// By how much the wall clock is ahead of the time since the start, in nanoseconds: at least, and at most.
pub(crate) type ClockLead = (i128, i128);

/// The slack of hot files ([`super::clock::Clock`]) covers what is less.
const NANOS_MIN: i128 = 1_000_000;
/// Others may run between two looks at clocks; the narrowest of so many counts.
const LOOKS: usize = 5;

/// A pass that is watched.
pub(crate) struct ClockWatch {
    look: fn() -> ClockLead,
    before: ClockLead,
}

impl ClockWatch {
    /// Begins one, by this look at the clocks.
    pub(crate) fn begin(look: fn() -> ClockLead) -> ClockWatch {
        ClockWatch { look, before: look() }
    }

    /// Returns whether the clock was set back since, for certain.
    pub(crate) fn was_set_back(&self) -> bool {
        let (before, (_, now)) = (self.before.0, (self.look)());
        now < before - NANOS_MIN
    }
}

/// Looks at the node's clocks.
pub(crate) fn ahead() -> ClockLead {
    let looks = (0..LOOKS).map(|_| {
        let [first, wall, second] = [ClockId::Boottime, ClockId::Realtime, ClockId::Boottime].map(rustix::time::clock_gettime).map(nanos);
        (wall - second, wall - first)
    });
    looks.min_by_key(|(least, most)| most - least).expect("there are some")
}

fn nanos(time: Timespec) -> i128 {
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::contract::orders::VolumeMode;
    use crate::mover::ground::progress::{Cancel, Progress};
    use crate::mover::pass::local::LocalTarget;
    use crate::mover::pass::source::SourceVolume;
    use crate::mover::pass::target::TargetVolume;

    thread_local! {
        static SECS: Cell<(i64, i64)> = const { Cell::new((0, 0)) };
    }

    /// Each look finds the wall clock set by so much since the one before.
    fn stepping() -> ClockLead {
        let (ahead, step) = SECS.get();
        SECS.set((ahead + step, step));
        let nanos = i128::from(ahead) * 1_000_000_000;
        (nanos, nanos + 50)
    }

    /// Copies a file that is long at rest twice, in two last passes, which work on the thread that asks; the clock is set by so much within the first. Returns
    /// how much of the source the second one read.
    fn read_again(step_secs: i64) -> u64 {
        let folder = tempfile::tempdir().expect("a folder");
        let [source, target, state] = ["source", "target", "state"].map(|name| folder.path().join(name));
        for folder in [&source, &target] {
            std::fs::create_dir(folder).expect("a folder");
        }
        std::fs::write(source.join("file"), vec![7; 5000]).expect("a file");
        std::thread::sleep(Duration::from_millis(50));
        let target = Arc::new(TargetVolume::at(&target, VolumeMode::Filesystem, &state).expect("a target"));
        let pass = |step: i64| {
            SECS.set((0, step));
            let progress = Arc::new(Progress::default());
            let volume = SourceVolume::at(&source, VolumeMode::Filesystem, &state, 1).expect("a source").watched_by(stepping);
            let mut here = LocalTarget::new(Arc::clone(&target), None);
            volume.pass(&mut here, true, &progress, &Arc::new(Cancel::default())).expect("a pass");
            progress.bytes_read.get()
        };
        pass(step_secs);
        pass(0)
    }

    #[test]
    fn what_was_read_while_the_clock_was_set_back_is_read_again() {
        assert_eq!(read_again(-3600), 5000);
        assert_eq!(read_again(-1), 5000, "as by a leap second");
    }

    #[test]
    fn a_clock_that_goes_on_or_is_set_ahead_is_no_matter() {
        assert_eq!((read_again(0), read_again(3600)), (0, 0));
    }

    #[test]
    fn the_clocks_of_this_node_are_looked_at_without_being_set() {
        let watch = ClockWatch::begin(ahead);
        let (least, most) = watch.before;
        assert!(least <= most && least > 0, "{least} to {most}");
        assert!(!watch.was_set_back());
    }
}
