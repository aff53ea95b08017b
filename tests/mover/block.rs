//! Raw devices, with files in their place.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};

use kubectl_stateful::contract::orders::VolumeMode;

use crate::ends::{self, Ends};
use crate::trees;

const SEGMENT: usize = 4 << 20;

/// A source of three segments, of which the middle one is zeros, and a target of the same size.
fn devices(target_bytes: u64) -> (Ends, Vec<u8>) {
    let ends = Ends::new(VolumeMode::Block);
    let mut bytes = trees::noise(7, 3 * SEGMENT);
    bytes[SEGMENT..2 * SEGMENT].fill(0);
    std::fs::write(ends.source(), &bytes).expect("a source");
    File::create(ends.target()).and_then(|file| file.set_len(target_bytes)).expect("a target");
    (ends, bytes)
}

#[test]
fn zeros_are_not_written_and_a_second_pass_sends_only_what_changed() {
    for over_tls in [false, true] {
        let (mut ends, mut bytes) = devices(3 * SEGMENT as u64);
        let mut pass = |is_last| if over_tls { ends.pass_over_tls(is_last) } else { ends.pass(is_last) }.expect("a pass");
        let first = pass(false);
        assert_eq!(first.bytes_changed, 2 * SEGMENT as u64);
        let idle = pass(false);
        assert_eq!(idle.bytes_changed, 0);
        bytes[2 * SEGMENT + 5] ^= 1;
        let (source, target) = (ends.source(), ends.target());
        File::options().write(true).open(&source).and_then(|file| file.write_all_at(&bytes, 0)).expect("a write");
        let last = if over_tls { ends.pass_over_tls(true) } else { ends.pass(true) }.expect("a pass");
        assert!((1..=SEGMENT as u64).contains(&last.bytes_changed), "{}", last.bytes_changed);
        assert!(last.source_root.is_some() && last.source_root == last.target_root);
        assert!(std::fs::read(&target).expect("the target") == bytes, "over TLS: {over_tls}");
        assert!(std::fs::metadata(&target).expect("the target").blocks() * 512 <= 2 * SEGMENT as u64 + 65536, "zeros were written");
    }
}

#[test]
fn what_was_on_the_target_before_is_gone_where_the_source_has_zeros() {
    let (mut ends, bytes) = devices(3 * SEGMENT as u64);
    std::fs::write(ends.target(), trees::noise(9, 3 * SEGMENT)).expect("old bytes");
    ends.pass(true).expect("a pass");
    assert!(std::fs::read(ends.target()).expect("the target") == bytes);
}

#[test]
fn a_device_that_is_too_small_is_refused_untouched() {
    let (mut ends, _) = devices(3 * SEGMENT as u64 - 512);
    let failure = ends::failure(ends.pass(true));
    assert!(failure.message.contains("small"), "{failure:?}");
    assert_eq!(std::fs::metadata(ends.target()).expect("the target").blocks(), 0);
}
