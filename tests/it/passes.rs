//! When warm passes are enough, and when they are given up.

use kubectl_stateful::steps::{Verdict, judge_passes};
use proptest::prelude::*;

#[test]
fn passes_end_when_the_last_one_fits_or_nothing_is_gained() {
    assert_eq!(judge_passes(&[], 1000, 8), Verdict::Again);
    assert_eq!(judge_passes(&[900], 1000, 8), Verdict::Fits);
    assert_eq!(judge_passes(&[5000], 1000, 8), Verdict::Again);
    assert_eq!(judge_passes(&[5000, 4900], 1000, 8), Verdict::Again);
    assert!(matches!(judge_passes(&[5000, 4900, 4800], 1000, 8), Verdict::WillNotFit(_)));
    assert_eq!(judge_passes(&[5000, 4900, 3000], 1000, 8), Verdict::Again);
    assert!(matches!(judge_passes(&[9000, 7000], 1000, 2), Verdict::WillNotFit(_)));
}

proptest! {
    #[test]
    fn passes_always_come_to_an_end(predictions in proptest::collection::vec(0u64..100_000, 8..20)) {
        let over = |length: usize| judge_passes(&predictions[..length], 50, 8) != Verdict::Again;
        prop_assert!((1..=8).any(over));
    }
}
