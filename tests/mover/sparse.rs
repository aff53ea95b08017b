//! Files that say they have any size and have next to nothing: they cost what they have.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use kubectl_stateful::contract::orders::{MoverState, PassTarget, VolumeMode};
use kubectl_stateful::mover::ground::digest::{BLOCK_BYTES, SEGMENT_BYTES};
use kubectl_stateful::mover::pass::digest_tree;
use rustix::fs::SeekFrom;

use crate::agent::{self, Mover};
use crate::ends::Ends;
use crate::pod;

const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;
const EIB: u64 = 1 << 60;
const SEGMENT: u64 = SEGMENT_BYTES as u64;

/// What a mover may have resident whatever files say: a segment for each of its threads, which are 34 at most, and as much again for all else.
const RESIDENT_BYTES_MAX: u64 = 256 * MIB;

/// A folder on a file system that takes files of this size: where temporary files are, or in memory.
#[expect(clippy::print_stderr, reason = "a test that tries nothing has to say so")]
fn folder_for(size: u64) -> Option<tempfile::TempDir> {
    let folders = [tempfile::tempdir(), tempfile::tempdir_in("/dev/shm")];
    let takes = |folder: &tempfile::TempDir| File::create(folder.path().join("probe")).and_then(|probe| probe.set_len(size)).is_ok();
    let found = folders.into_iter().flatten().find(takes);
    match &found {
        Some(folder) => std::fs::remove_file(folder.path().join("probe")).expect("it is ours"),
        None => eprintln!("not tried: no file system here takes a file of {size} bytes"),
    }
    found
}

/// Makes a file of this size with a few bytes in these places.
fn sparse(path: &Path, size: u64, places: &[u64]) {
    let file = File::options().write(true).create(true).truncate(false).open(path).expect("a file");
    file.set_len(size).expect("a size");
    for place in places {
        file.write_all_at(format!("data at {place}").as_bytes(), *place).expect("written");
    }
}

/// The blocks of a file that are not zeros.
fn data(path: &Path) -> BTreeMap<u64, Vec<u8>> {
    let file = File::open(path).expect("a file");
    let mut blocks = BTreeMap::new();
    let mut at = 0;
    while let Ok(start) = rustix::fs::seek(file.as_fd(), SeekFrom::Data(at)) {
        at = rustix::fs::seek(file.as_fd(), SeekFrom::Hole(start)).expect("data ends somewhere");
        for block in start / BLOCK_BYTES as u64..at.div_ceil(BLOCK_BYTES as u64) {
            let mut bytes = vec![0; BLOCK_BYTES];
            let read = file.read_at(&mut bytes, block * BLOCK_BYTES as u64).expect("read");
            bytes.truncate(read);
            if bytes.iter().any(|byte| *byte != 0) {
                blocks.insert(block, bytes);
            }
        }
    }
    blocks
}

#[track_caller]
fn assert_same(source: &Path, target: &Path) {
    let size = |path: &Path| std::fs::metadata(path).expect("it is there").size();
    assert_eq!(size(source), size(target));
    assert_eq!(data(source), data(target));
}

/// Copies such files by a mover of its own, in two passes of which the second finds some changed; returns the most memory it had.
fn peak_of_copying(files: &[(&str, u64)]) -> Option<u64> {
    let folder = folder_for(files.iter().map(|(_, size)| *size).max()?)?;
    for end in ["source/data", "target/data"] {
        std::fs::create_dir_all(folder.path().join(end)).expect("a folder");
    }
    let mut mover = Mover::start_in(folder);
    let (source, target) = (mover.source(), mover.target());
    for (name, size) in files {
        sparse(&source.join(name), *size, &[5, size / 3, size - 20]);
    }
    mover.order(1, agent::pass(PassTarget::Here, false));
    let warm = mover.wait_for(1, MoverState::Done).volumes.remove(0);
    assert_eq!(warm.bytes_done, warm.bytes);
    // Less than 64 KiB of zeros beside data are no hole, and a place may lie across the border of two such stretches.
    assert!(warm.bytes_changed <= files.len() as u64 * 3 * (128 << 10), "{}", warm.bytes_changed);
    for (name, size) in files.iter().step_by(2) {
        sparse(&source.join(name), *size, &[size / 2]);
    }
    // One that is not the last, after which the mover would end.
    mover.order(2, agent::pass(PassTarget::Here, false));
    mover.wait_for(2, MoverState::Done);
    files.iter().for_each(|(name, _)| assert_same(&source.join(name), &target.join(name)));
    Some(mover.peak_bytes())
}

#[test]
fn many_files_of_huge_sizes_cost_no_memory() {
    let names: Vec<String> = (0..24).map(|index| format!("file-{index}")).collect();
    let files: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 4 * TIB)).collect();
    if let Some(peak) = peak_of_copying(&files) {
        assert!(peak < RESIDENT_BYTES_MAX, "{} MiB", peak / MIB);
    }
}

#[test]
fn files_of_the_hugest_sizes_cost_no_memory() {
    if let Some(peak) = peak_of_copying(&[("huge", 200 * TIB), ("hugest", 7 * EIB)]) {
        assert!(peak < RESIDENT_BYTES_MAX, "{} MiB", peak / MIB);
    }
}

/// Every way in which a file with holes changes, with a target that remembers or does not.
fn change_and_copy(size: u64, over_tls: bool, restarts: bool) {
    let Some(folder) = folder_for(size) else { return };
    let mut ends = Ends::within(folder, VolumeMode::Filesystem);
    let (source, target) = (ends.source().join("file"), ends.target().join("file"));
    let changes: [&dyn Fn(); 8] = [
        &|| sparse(&source, size, &[0, size / 2, size - 20]),
        &|| sparse(&source, size, &[7 * SEGMENT + 9, size / 2 + 3 * SEGMENT]),
        // Data becomes a hole, twice: once the segments were nothing else.
        &|| punch(&source, size / 2 - SEGMENT, 2 * SEGMENT),
        &|| punch(&source, 0, 5 * SEGMENT),
        &|| sparse(&source, 3 * SEGMENT + 77, &[SEGMENT]),
        &|| sparse(&source, size, &[size / 4]),
        &|| sparse(&source, 100, &[]),
        &|| sparse(&source, size - 1, &[]),
    ];
    for (index, change) in changes.iter().enumerate() {
        change();
        if restarts {
            ends.restart_target();
        }
        let is_last = index + 1 == changes.len();
        let report = if over_tls { ends.pass_over_tls(is_last) } else { ends.pass(is_last) }.expect("a pass");
        assert_same(&source, &target);
        assert_eq!((report.source_root.is_some(), report.source_root), (is_last, report.target_root));
    }
}

fn punch(path: &Path, offset: u64, length: u64) {
    let file = File::options().write(true).open(path).expect("the file");
    let flags = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(&file, flags, offset, length).expect("a file system with holes");
}

#[test]
fn holes_that_come_and_go_are_copied() {
    for size in [80 * MIB, 4 * TIB] {
        for (over_tls, restarts) in [(false, false), (false, true), (true, false), (true, true)] {
            change_and_copy(size, over_tls, restarts);
        }
    }
}

/// Of a file of 7 EiB there is no room for what is known of its blocks: it is written anew when it changed.
#[test]
fn so_are_those_of_files_of_which_the_blocks_are_not_remembered() {
    for (over_tls, restarts) in [(false, false), (false, true), (true, false), (true, true)] {
        change_and_copy(7 * EIB, over_tls, restarts);
    }
}

/// Files that wait for their turn are not open; a process that is started by hand may often have no more than 1024 open.
#[test]
fn only_a_few_large_files_are_open_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    for end in ["source", "target"] {
        std::fs::create_dir(folder.path().join(end)).expect("a folder");
    }
    for index in 0..400 {
        sparse(&folder.path().join(format!("source/file-{index}")), SEGMENT + 1 + index, &[index, SEGMENT]);
    }
    let limited = "ulimit -n 256 && exec \"$0\" local source target --state state --last --json";
    let mut command = Command::new("sh");
    command.args(["-c", limited, env!("CARGO_BIN_EXE_stateful-mover")]).current_dir(folder.path());
    let output = pod::output(&mut command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(report["sourceRoot"].is_string() && report["sourceRoot"] == report["targetRoot"], "{report}");
    for index in 0..400 {
        let file = |end: &str| folder.path().join(format!("{end}/file-{index}"));
        assert_same(&file("source"), &file("target"));
    }
}

/// Segments of data, of nothing, of both, of zeros that were written, and a short one.
fn mixed(path: &Path) {
    let pattern = |length: usize| (0..length).map(|at| (at % 251) as u8).collect::<Vec<u8>>();
    let file = File::create(path).expect("a file");
    file.set_len(5 * SEGMENT + 5000).expect("a size");
    let write = |bytes: &[u8], offset: u64| file.write_all_at(bytes, offset).expect("written");
    write(&pattern(SEGMENT_BYTES), 0);
    write(&pattern(70_000), 2 * SEGMENT + 100_000);
    write(&[0; 20_000], 3 * SEGMENT);
    write(&pattern(4000), 5 * SEGMENT + 10);
}

/// Two movers of which one is of another version must come to the same roots, and what was noted of them must go on to mean the same.
#[test]
fn roots_are_what_they_always_were() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = |path: &Path, mode| digest_tree::digest(path, mode, &folder.path().join("state")).expect("a root").hex();
    let device = folder.path().join("device");
    mixed(&device);
    assert_eq!(root(&device, VolumeMode::Block), "7d9f7ba58d2914c5d2db99d547bbec3bb1fd9f485d3fa1a3db0ef308daec260c");
    // The root of a tree has owners in it.
    if !pod::may_act_as_root("a tree that belongs to root") {
        return;
    }
    let tree = folder.path().join("tree");
    std::fs::create_dir(&tree).expect("a folder");
    mixed(&tree.join("large"));
    for (path, mode) in [(tree.join("large"), 0o640), (tree.clone(), 0o755)] {
        std::os::unix::fs::chown(&path, Some(0), Some(0)).expect("it is ours");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::open(&path).and_then(|file| file.set_modified(time)).expect("a time");
    }
    assert_eq!(root(&tree, VolumeMode::Filesystem), "1b39c03778e20ed83c81cefe5f5c51d19494eedbf4e69e7623b69f84f1bc64da");
}
