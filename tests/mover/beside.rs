//! What a pass does for the sake of the app beside it, and that the last pass, for which the app waits, does none of it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kubectl_stateful::contract::orders::VolumeMode;
use kubectl_stateful::mover::ground::digest::Digest;
use kubectl_stateful::mover::ground::fail::Result;
use kubectl_stateful::mover::ground::progress::{Cancel, Progress};
use kubectl_stateful::mover::manifest::reader::Manifest;
use kubectl_stateful::mover::manners::priority::{self, Priority};
use kubectl_stateful::mover::manners::throttle::Throttle;
use kubectl_stateful::mover::pass::ends::{Inventory, PassRequest, TargetEnd};
use kubectl_stateful::mover::pass::local::LocalTarget;
use kubectl_stateful::mover::pass::source::SourceVolume;
use kubectl_stateful::mover::pass::target::TargetVolume;
use kubectl_stateful::mover::write::change::{Item, Lane, Piece};
use rustix::time::{ClockId, clock_gettime};

use crate::{pod, trees};

type Seen = Arc<Mutex<Vec<Priority>>>;

/// A target that notes how the threads stand that come to it.
struct Watched {
    here: LocalTarget,
    seen: Seen,
}

struct WatchedLane<'a> {
    lane: Box<dyn Lane + 'a>,
    seen: Seen,
}

/// Keeps a core busy for a moment, as the target of a pass with much to do.
fn be_busy() {
    let spent = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    let since = spent();
    while spent() - since < Duration::from_millis(10) {}
}

fn note(seen: &Seen) {
    seen.lock().expect("no panic").push(priority::of_this_thread());
}

impl TargetEnd for Watched {
    fn begin(&mut self, request: &PassRequest<'_>) -> Result<Inventory> {
        note(&self.seen);
        self.here.begin(request)
    }

    fn lanes(&mut self) -> Result<Vec<Box<dyn Lane + '_>>> {
        let lanes = self.here.lanes()?.into_iter();
        Ok(lanes.map(|lane| Box::new(WatchedLane { lane, seen: Arc::clone(&self.seen) }) as Box<dyn Lane + '_>).collect())
    }

    fn end(&mut self, is_last: bool) -> Result<Option<Digest>> {
        note(&self.seen);
        self.here.end(is_last)
    }

    fn listing(&mut self, folder: &Path) -> Result<Arc<Manifest>> {
        self.here.listing(folder)
    }
}

impl Lane for WatchedLane<'_> {
    fn emit(&mut self, item: Item, pieces: &[Piece<'_>]) -> Result<()> {
        note(&self.seen);
        be_busy();
        self.lane.emit(item, pieces)
    }

    fn end_stage(&mut self) -> Result<()> {
        self.lane.end_stage()
    }
}

/// How a pass was made.
struct Made {
    /// How its threads stood.
    seen: Vec<Priority>,
    /// How long they rested after reads, added up.
    rested: Duration,
    /// How long they were held for the sake of the cores.
    held: Duration,
}

/// Copies some files in one pass, in this manner.
fn copy(is_last: bool, manner: impl FnOnce(SourceVolume) -> SourceVolume) -> Made {
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target, state] = ["source", "target", "state"].map(|name| folder.path().join(name));
    std::fs::create_dir(&source).expect("a folder");
    std::fs::create_dir(&target).expect("a folder");
    for index in 0..4 {
        std::fs::write(source.join(format!("small-{index}")), trees::noise(index, 5000)).expect("a file");
        std::fs::write(source.join(format!("large-{index}")), trees::noise(index, 5 << 20)).expect("a file");
    }
    let (seen, progress, cancel) = (Seen::default(), Arc::new(Progress::default()), Arc::<Cancel>::default());
    let volume = Arc::new(TargetVolume::at(&target, VolumeMode::Filesystem, &state).expect("it opens"));
    let mut watched = Watched { here: LocalTarget::new(volume, None), seen: Arc::clone(&seen) };
    let opened = manner(SourceVolume::at(&source, VolumeMode::Filesystem, &state, 1).expect("it opens"));
    pod::as_root(|| opened.pass(&mut watched, is_last, &progress, &cancel)).expect("it is copied");
    trees::assert_same(&source, &target);
    let seen = seen.lock().expect("no panic").clone();
    Made { seen, rested: Duration::from_micros(progress.rested_us.get()), held: cancel.gate.held() }
}

#[test]
fn a_pass_stands_behind_the_app_and_the_last_one_does_not() {
    let ours = priority::of_this_thread();
    let warm = copy(false, |source| source).seen;
    assert!(warm.len() > 8, "{warm:?}");
    assert!(warm.iter().all(|one| *one == Priority { nice: 19, is_idle_at_disk: true }), "{warm:?}");
    let last = copy(true, |source| source).seen;
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
    let throttled = |source: SourceVolume| source.throttled(Some(resting()));
    assert!(copy(false, throttled).rested >= Duration::from_millis(20));
    assert_eq!(copy(false, |source| source).rested, Duration::ZERO);
    assert_eq!(copy(true, throttled).rested, Duration::ZERO);
}

/// It cannot know yet at its start whether others want the cores. A pass whose first sync takes long has seen by then that they are free,
/// so that there are some; one that is never held fails this all the same.
#[test]
fn a_pass_beside_the_app_begins_within_its_share_and_the_last_one_does_not() {
    let beside = |source: SourceVolume| source.beside(&Arc::default());
    assert!((0..20).any(|_| !copy(false, beside).held.is_zero()));
    assert_eq!(copy(false, |source| source).held, Duration::ZERO);
    assert_eq!(copy(true, beside).held, Duration::ZERO);
}
