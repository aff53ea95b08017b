//! What a pass does for the sake of the app beside it, and that the last pass, for which the app waits, does none of it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kubectl_stateful::mover::change::{Item, Lane, Piece};
use kubectl_stateful::mover::digest::Digest;
use kubectl_stateful::mover::fail::Result;
use kubectl_stateful::mover::manifest::Manifest;
use kubectl_stateful::mover::orders::VolumeMode;
use kubectl_stateful::mover::priority::{self, Priority};
use kubectl_stateful::mover::progress::Progress;
use kubectl_stateful::mover::source::{Begin, Here, SourceVolume, TargetEnd};
use kubectl_stateful::mover::target::{Begun, TargetVolume};
use kubectl_stateful::mover::throttle::Throttle;

use crate::trees;

type Seen = Arc<Mutex<Vec<Priority>>>;

/// A target that notes how the threads stand that come to it.
struct Watched {
    here: Here,
    seen: Seen,
}

struct WatchedLane<'a> {
    lane: Box<dyn Lane + 'a>,
    seen: Seen,
}

fn note(seen: &Seen) {
    seen.lock().expect("no panic").push(priority::of_this_thread());
}

impl TargetEnd for Watched {
    fn begin(&mut self, begin: &Begin<'_>) -> Result<Begun> {
        note(&self.seen);
        self.here.begin(begin)
    }

    fn lanes(&mut self) -> Result<Vec<Box<dyn Lane + '_>>> {
        let lanes = self.here.lanes()?.into_iter();
        Ok(lanes.map(|lane| Box::new(WatchedLane { lane, seen: Arc::clone(&self.seen) }) as Box<dyn Lane + '_>).collect())
    }

    fn end(&mut self) -> Result<Option<Digest>> {
        note(&self.seen);
        self.here.end()
    }

    fn listing(&mut self, folder: &Path) -> Result<Arc<Manifest>> {
        self.here.listing(folder)
    }
}

impl Lane for WatchedLane<'_> {
    fn emit(&mut self, item: Item, pieces: &[Piece<'_>]) -> Result<()> {
        note(&self.seen);
        self.lane.emit(item, pieces)
    }

    fn end_stage(&mut self) -> Result<()> {
        self.lane.end_stage()
    }
}

/// Copies some files in one pass; returns how its threads stood, and how long they rested in all.
fn copy(is_last: bool, throttle: Option<Arc<Throttle>>) -> (Vec<Priority>, Duration) {
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target, state] = ["source", "target", "state"].map(|name| folder.path().join(name));
    std::fs::create_dir(&source).expect("a folder");
    std::fs::create_dir(&target).expect("a folder");
    for index in 0..4 {
        std::fs::write(source.join(format!("small-{index}")), trees::noise(index, 5000)).expect("a file");
        std::fs::write(source.join(format!("large-{index}")), trees::noise(index, 5 << 20)).expect("a file");
    }
    let (seen, progress) = (Seen::default(), Arc::new(Progress::default()));
    let volume = Arc::new(TargetVolume::at(&target, VolumeMode::Filesystem, &state).expect("it opens"));
    let mut watched = Watched { here: Here::new(volume, None), seen: Arc::clone(&seen) };
    let opened = SourceVolume::at(&source, VolumeMode::Filesystem, &state, 1).expect("it opens").throttled(throttle);
    opened.pass(&mut watched, is_last, &progress, &Arc::default()).expect("it is copied");
    trees::assert_same(&source, &target);
    let seen = seen.lock().expect("no panic").clone();
    (seen, Duration::from_micros(progress.rested_us.get()))
}

#[test]
fn a_pass_stands_behind_the_app_and_the_last_one_does_not() {
    let ours = priority::of_this_thread();
    let (warm, _) = copy(false, None);
    assert!(warm.len() > 8, "{warm:?}");
    assert!(warm.iter().all(|one| *one == Priority { nice: 19, is_idle_at_disk: true }), "{warm:?}");
    let (last, _) = copy(true, None);
    assert!(last.len() > 8 && last.iter().all(|one| *one == ours), "{last:?}");
    assert_eq!(priority::of_this_thread(), ours);
    assert!(!ours.is_idle_at_disk, "a test that is idle itself shows nothing");
}

/// A throttle that has seen reads become slow, of whatever size.
fn resting() -> Arc<Throttle> {
    let throttle = Throttle::default();
    for took in [3, 300, 300, 300] {
        for _ in 0..64 {
            throttle.note(4 << 20, Duration::from_millis(took));
        }
    }
    Arc::new(throttle)
}

#[test]
fn a_pass_rests_after_its_reads_while_they_are_slow_and_the_last_one_does_not() {
    assert!(copy(false, Some(resting())).1 >= Duration::from_millis(20));
    assert_eq!(copy(false, None).1, Duration::ZERO);
    assert_eq!(copy(true, Some(resting())).1, Duration::ZERO);
}
