//! What a mover keeps on its node's disk: bounded by what the volume holds, however often it changes.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use kubectl_stateful::contract::orders::{VolumeMode, VolumeReport};

use crate::ends::Ends;
use crate::trees;

const MIB: usize = 1 << 20;
const PASSES: u64 = 12;

/// How many bytes the files beneath a folder take, whose names end so.
fn bytes_of(folder: &Path, ending: &str) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries.fold(0, |sum, entry| {
        let metadata = entry.metadata().expect("it is there");
        let is_counted = entry.file_name().to_string_lossy().ends_with(ending);
        sum + if metadata.is_dir() {
            bytes_of(&entry.path(), ending)
        } else if is_counted {
            metadata.blocks() * 512
        } else {
            0
        }
    })
}

/// Flips a byte of a file.
fn change(path: &Path, at: u64) {
    let file = File::options().read(true).write(true).open(path).expect("a file");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("read");
    file.write_all_at(&[byte[0] ^ 1], at).expect("written");
}

#[derive(Clone, Copy)]
enum Way {
    Here,
    HereRestarting,
    OverTls,
    OverTlsRestarting,
}

impl Way {
    fn pass(self, ends: &mut Ends, is_last: bool) -> VolumeReport {
        if matches!(self, Way::HereRestarting | Way::OverTlsRestarting) {
            ends.restart_target();
        }
        match self {
            Way::Here | Way::HereRestarting => ends.pass(is_last),
            Way::OverTls | Way::OverTlsRestarting => ends.pass_over_tls(is_last),
        }
        .expect("a pass")
    }
}

const WAYS: [Way; 4] = [Way::Here, Way::HereRestarting, Way::OverTls, Way::OverTlsRestarting];

/// One block of a file that always changes, and now and then one of others, whose digests were carried along until then: that only these blocks are
/// written shows that what was carried is right.
#[test]
fn digests_of_files_that_change_in_every_pass_do_not_add_up() {
    for way in WAYS {
        let mut ends = Ends::new(VolumeMode::Filesystem);
        let source = ends.source();
        for (name, seed, length) in [("busy", 1, 24 * MIB), ("calm", 2, 9 * MIB), ("small", 3, MIB), ("linked", 4, 9 * MIB)] {
            std::fs::write(source.join(name), trees::noise(seed, length)).expect("a file");
        }
        File::create(source.join("sparse"))
            .and_then(|file| file.set_len(4 << 40).and_then(|()| file.write_all_at(b"data", 3 << 40)))
            .expect("a file");
        std::fs::hard_link(source.join("linked"), source.join("name")).expect("a link");
        way.pass(&mut ends, false);
        let first = bytes_of(&ends.state(), ".blocks");
        for pass in 1..=PASSES {
            change(&source.join("busy"), pass * 1_000_000);
            let others = ["calm", "small", "linked", "sparse"];
            let other = others[pass as usize % 4];
            if pass > 6 {
                change(&source.join(other), pass * 10_000);
            }
            let report = way.pass(&mut ends, pass == PASSES);
            let written = if pass > 6 { 2 } else { 1 };
            assert_eq!(report.bytes_changed, written * 8192, "pass {pass}, {other}");
            let kept = bytes_of(&ends.state(), ".blocks");
            assert!(kept <= first * 9 / 4 + 4 * 65536, "pass {pass}: {kept} bytes after {first}");
        }
        for name in ["busy", "calm", "small", "linked", "name"] {
            assert!(
                std::fs::read(source.join(name)).expect("a file") == std::fs::read(ends.target().join(name)).expect("its copy"),
                "{name}"
            );
        }
    }
}

#[test]
fn digests_of_a_device_do_not_add_up() {
    for way in WAYS {
        let mut ends = Ends::new(VolumeMode::Block);
        std::fs::write(ends.source(), trees::noise(1, 32 * MIB)).expect("a source");
        File::create(ends.target()).and_then(|file| file.set_len(32 << 20)).expect("a target");
        way.pass(&mut ends, false);
        let first = bytes_of(&ends.state(), ".blocks");
        for pass in 1..=PASSES {
            change(&ends.source(), pass * 1_000_000);
            way.pass(&mut ends, pass == PASSES);
            let kept = bytes_of(&ends.state(), ".blocks");
            assert!(kept <= first * 9 / 4 + 4 * 65536, "pass {pass}: {kept} bytes after {first}");
        }
        assert!(std::fs::read(ends.source()).expect("the source") == std::fs::read(ends.target()).expect("the target"));
    }
}

/// A pass that breaks off leaves a store that nothing points to.
#[test]
fn what_passes_left_that_broke_off_goes_with_the_next() {
    let mut ends = Ends::new(VolumeMode::Filesystem);
    std::fs::write(ends.source().join("file"), trees::noise(1, 9 * MIB)).expect("a file");
    ends.pass(false).expect("a pass");
    let kept = bytes_of(&ends.state(), "");
    for end in ["source", "target"] {
        for number in 5..9 {
            std::fs::write(ends.state().join(end).join("local").join(format!("manifest.{number}.blocks")), vec![1; MIB]).expect("a file");
            std::fs::write(ends.state().join(end).join("local").join(format!("manifest.{number}.pages")), vec![1; MIB]).expect("a file");
        }
    }
    ends.pass(true).expect("a pass");
    let left = bytes_of(&ends.state(), "");
    assert!(left <= kept * 2, "{left} bytes after {kept}");
}
