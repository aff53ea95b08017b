//! Generated trees, mutated between passes, come out the same.

use kubectl_stateful::contract::orders::VolumeMode;
use proptest::prelude::*;

use crate::ends::Ends;
use crate::trees::{self, Op};

fn check(rounds: &[Vec<Op>], over_tls: bool, restarts: bool) {
    let mut ends = Ends::new(VolumeMode::Filesystem);
    for (index, ops) in rounds.iter().enumerate() {
        trees::apply(&ends.source(), ops);
        if restarts {
            ends.restart_target();
        }
        let is_last = index + 1 == rounds.len();
        let report = if over_tls { ends.pass_over_tls(is_last) } else { ends.pass(is_last) }.expect("a pass over a tree at rest");
        trees::assert_same(&ends.source(), &ends.target());
        assert_eq!(report.source_root, report.target_root);
        assert_eq!(is_last, report.source_root.is_some());
        assert!(!report.unsettled);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_is_kept_through_local_passes(rounds in prop::collection::vec(trees::ops(40), 1..4)) {
        check(&rounds, false, false);
    }

    #[test]
    fn a_tree_is_kept_though_the_target_end_restarts(rounds in prop::collection::vec(trees::ops(30), 2..4)) {
        check(&rounds, false, true);
    }

    #[test]
    fn a_tree_is_kept_over_tls(rounds in prop::collection::vec(trees::ops(40), 1..4)) {
        check(&rounds, true, false);
    }

    /// Both ends have lost their memory and the target is anything: content decides.
    #[test]
    fn any_target_becomes_the_source(source in trees::ops(40), target in trees::ops(40), over_tls in any::<bool>()) {
        let mut ends = Ends::new(VolumeMode::Filesystem);
        trees::apply(&ends.source(), &source);
        trees::apply(&ends.target(), &target);
        let report = if over_tls { ends.pass_over_tls(true) } else { ends.pass(true) }.expect("a pass over a tree at rest");
        trees::assert_same(&ends.source(), &ends.target());
        assert_eq!(report.source_root, report.target_root);
    }
}

#[test]
fn an_unchanged_tree_is_not_written_again() {
    let mut ends = Ends::new(VolumeMode::Filesystem);
    for index in 0..2000 {
        std::fs::write(ends.source().join(format!("file-{index}")), index.to_string()).expect("a file");
    }
    let first = ends.pass(false).expect("a first pass");
    assert_eq!(first.entries, 2001);
    assert_eq!(first.entries_changed, 2001);
    let second = ends.pass(true).expect("a second pass");
    assert_eq!((second.entries, second.entries_changed, second.bytes_changed), (2001, 0, 0));
    trees::assert_same(&ends.source(), &ends.target());
}

#[test]
fn only_the_changed_blocks_of_a_large_file_are_written() {
    let mut ends = Ends::new(VolumeMode::Filesystem);
    let path = ends.source().join("large");
    let mut bytes = trees::noise(1, 20 << 20);
    std::fs::write(&path, &bytes).expect("a file");
    ends.pass(false).expect("a first pass");
    bytes[10_000_000] ^= 1;
    std::fs::write(&path, &bytes).expect("a file");
    let report = ends.pass_over_tls(true).expect("a second pass");
    assert_eq!(report.bytes_changed, 8 << 10);
    assert!(report.bytes_sent < 24 << 10, "{} bytes for one block", report.bytes_sent);
    assert_eq!(ends.read_back, 8 << 10);
    trees::assert_same(&ends.source(), &ends.target());
}

/// A target that has bytes where the source has zeros: only its own listing can tell the source so.
#[test]
fn zeros_of_the_source_replace_bytes_of_an_unknown_target() {
    let mut ends = Ends::new(VolumeMode::Filesystem);
    let source = std::fs::File::create(ends.source().join("large")).expect("a file");
    source.set_len(9 << 20).expect("a size");
    std::fs::write(ends.target().join("large"), trees::noise(1, 5 << 20)).expect("a file");
    ends.pass_over_tls(true).expect("a pass over a tree at rest");
    trees::assert_same(&ends.source(), &ends.target());
}

#[test]
fn holes_stay_holes() {
    use std::os::unix::fs::{FileExt, MetadataExt};
    let mut ends = Ends::new(VolumeMode::Filesystem);
    let file = std::fs::File::create(ends.source().join("sparse")).expect("a file");
    file.set_len(200 << 20).expect("a size");
    file.write_all_at(b"data", 150 << 20).expect("some data");
    ends.pass(true).expect("a pass");
    let target = std::fs::metadata(ends.target().join("sparse")).expect("it is there");
    assert_eq!(target.len(), 200 << 20);
    assert!(target.blocks() * 512 <= 256 << 10, "{} bytes are allocated", target.blocks() * 512);
}
