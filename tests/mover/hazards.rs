//! Writes that size and modification time do not show.
//!
//! Writes through memory maps are not made here: that takes code which this package forbids itself.

use std::fs::{File, FileTimes};
use std::path::Path;
use std::time::SystemTime;

use kubectl_stateful::mover::orders::VolumeMode;

use crate::ends::Ends;
use crate::trees;

const TRIALS: u64 = 300;

/// A page that is different for each number.
fn page(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(625)
}

/// Overwrites a file in place with as many other bytes, and puts its modification time back.
fn write_unseen(path: &Path, bytes: &[u8], at: SystemTime) {
    std::fs::write(path, bytes).expect("a write");
    File::options().write(true).open(path).and_then(|file| file.set_times(FileTimes::new().set_modified(at))).expect("its time");
}

fn modified(path: &Path) -> SystemTime {
    std::fs::metadata(path).and_then(|meta| meta.modified()).expect("a time")
}

/// Every file of a warm copy is written again with the size and modification time it had: a tool that goes by these skips them all.
#[test]
fn what_size_and_time_do_not_show_is_copied_all_the_same() {
    for over_tls in [false, true] {
        let mut ends = Ends::new(VolumeMode::Filesystem);
        let names: Vec<String> = (0..TRIALS).map(|index| format!("file-{index}")).collect();
        for (name, seed) in names.iter().zip(0..) {
            std::fs::write(ends.source().join(name), page(seed)).expect("a file");
        }
        ends.pass(false).expect("a warm pass");
        for (name, seed) in names.iter().zip(TRIALS..) {
            let (source, target) = (ends.source().join(name), ends.target().join(name));
            write_unseen(&source, &page(seed), modified(&source));
            let same = |path: &Path| (std::fs::metadata(path).expect("it is there").len(), modified(path));
            assert_eq!(same(&source), same(&target), "size and time would say that nothing changed");
        }
        let report = if over_tls { ends.pass_over_tls(true) } else { ends.pass(true) }.expect("the last pass");
        assert_eq!(report.entries_changed, TRIALS);
        trees::assert_same(&ends.source(), &ends.target());
    }
}

/// Somebody changes the target behind the mover's back, stamps and all: the proof reads, and does not believe.
#[test]
fn a_byte_flipped_on_the_target_is_never_proven() {
    for restarts in [false, true] {
        let mut ends = Ends::new(VolumeMode::Filesystem);
        std::fs::write(ends.source().join("page"), trees::noise(1, 8192)).expect("a file");
        ends.pass(false).expect("a warm pass");
        let path = ends.target().join("page");
        let mut bytes = std::fs::read(&path).expect("the copy");
        bytes[4711] ^= 1;
        write_unseen(&path, &bytes, modified(&path));
        if restarts {
            ends.restart_target();
        }
        match ends.pass(true) {
            Ok(_) => trees::assert_same(&ends.source(), &ends.target()),
            Err(halt) => assert!(format!("{halt:?}").contains("page"), "{halt:?}"),
        }
    }
}
