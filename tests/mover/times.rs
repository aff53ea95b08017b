//! Targets whose file systems keep coarser times than the source has, or none after 2038.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use kubectl_stateful::contract::orders::{Reason, VolumeMode};

use crate::ends::{self, Ends};
use crate::loops::Mounted;
use crate::trees;

fn set_time(path: &Path, seconds: u64, nanos: u32) {
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
    File::open(path).and_then(|file| file.set_modified(time)).expect("it is ours");
}

/// A file and a folder, which have this time.
fn fill(root: &Path, seconds: u64, nanos: u32) {
    std::fs::create_dir(root.join("d")).expect("a folder");
    std::fs::write(root.join("a"), "a").expect("a file");
    for path in [root.join("a"), root.join("d"), root.to_owned()] {
        set_time(&path, seconds, nanos);
    }
}

/// As `mke2fs` made them for volumes under 512 MiB until 1.46.4.
fn small_inodes() -> Option<Mounted> {
    Mounted::ext4(64, &["-I", "128"])
}

#[test]
fn whole_seconds_are_named_in_the_first_pass() {
    for over_tls in [false, true] {
        let Some(target) = small_inodes() else { return };
        let source = tempfile::tempdir().expect("a folder");
        let mut ends = Ends::between(source.path().to_owned(), target.path());
        fill(&ends.source(), 1_700_000_000, 123_456_789);
        let failure = ends::failure(if over_tls { ends.pass_over_tls(false) } else { ends.pass(false) });
        assert_eq!(failure.reason, Reason::CannotKeep);
        let message = failure.message;
        assert!(message.starts_with("the target's file system keeps times in whole seconds, and `"), "{message}");
        assert!(message.contains("has 1700000000.123456789") && message.contains("`--size 512Mi`"), "{message}");
    }
}

#[test]
fn times_after_2038_are_named_in_the_first_pass() {
    let Some(target) = small_inodes() else { return };
    let source = tempfile::tempdir().expect("a folder");
    let mut ends = Ends::between(source.path().to_owned(), target.path());
    fill(&ends.source(), 4_000_000_000, 0);
    let failure = ends::failure(ends.pass(false));
    assert_eq!(failure.reason, Reason::CannotKeep);
    assert!(failure.message.contains("no time after second 2147483647"), "{failure:?}");
}

#[test]
fn times_that_are_coarse_themselves_are_kept() {
    let Some(target) = small_inodes() else { return };
    let source = tempfile::tempdir().expect("a folder");
    let mut ends = Ends::between(source.path().to_owned(), target.path());
    fill(&ends.source(), 1_700_000_000, 0);
    let before = std::fs::metadata(ends.target()).and_then(|found| found.modified()).expect("a time");
    ends.target_volume().expect("a target").begin(None, 0, &<_>::default(), &<_>::default()).expect("it begins");
    assert_eq!(std::fs::metadata(ends.target()).and_then(|found| found.modified()).expect("a time"), before, "the trial leaves no trace");
    let report = ends.pass(true).expect("a pass");
    assert!(report.source_root.is_some() && report.source_root == report.target_root);
    trees::assert_same(&ends.source(), &ends.target());
}

#[test]
fn what_differs_by_its_time_alone_is_said_to() {
    let mut ends = Ends::new(VolumeMode::Filesystem);
    fill(&ends.source(), 1_700_000_000, 5);
    ends.pass(false).expect("a pass");
    set_time(&ends.target().join("a"), 1_600_000_000, 7);
    let failure = ends::failure(ends.pass(true));
    assert_eq!(failure.reason, Reason::NotTheSame);
    let wanted = "`a` is not the same at the target: its time is 1700000000.000000005 and there 1600000000.000000007";
    assert_eq!(failure.message, wanted);
}
