//! What is refused rather than copied wrongly.

use kubectl_stateful::mover::orders::VolumeMode;

use crate::ends::{self, Ends};

#[test]
fn a_source_that_is_not_there_fails_by_name() {
    let mut ends = Ends::new(VolumeMode::Filesystem);
    std::fs::remove_dir(ends.source()).expect("it was empty");
    let failure = ends::failure(ends.pass(true));
    assert!(failure.message.contains("source"), "{failure:?}");
}

#[test]
fn a_target_that_is_a_file_is_refused() {
    let mut ends = Ends::new(VolumeMode::Filesystem);
    std::fs::remove_dir(ends.target()).expect("it was empty");
    std::fs::write(ends.target(), "a file").expect("a file");
    let failure = ends::failure(ends.pass(true));
    assert!(failure.message.contains("target"), "{failure:?}");
    assert_eq!(std::fs::read(ends.target()).expect("still there"), b"a file");
}
