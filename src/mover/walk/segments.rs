//! The segments of a large file or device: handed out to the threads that work on it, and their digests gathered into its content root.
//!
//! Digests come in any order, and are added in the order in which their segments were handed out. Only those are kept that wait for one on which
//! another thread is at work, so that memory does not grow with the size. Who asks for a segment passes over what needs no look,
//! because it is zeros: these do not count in the root.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use crate::mover::ground::digest::{ContentRoot, Digest};

/// What is left to do of a large file or device, and what is done.
pub(super) struct Segments {
    state: Mutex<SegmentsState>,
}

struct SegmentsState {
    /// Where to look for the next one.
    next: u64,
    is_exhausted: bool,
    handed_out: u64,
    added: u64,
    /// By the number of the assignment: its segment and digest.
    waiting: BTreeMap<u64, (u64, Digest)>,
    root: Option<ContentRoot>,
}

/// A segment that one thread works on.
#[derive(Debug)]
pub(super) struct Assignment {
    number: u64,
    /// Which it is.
    pub(super) index: u64,
}

impl Segments {
    /// Returns those of a file of this size.
    pub(super) fn of(size: u64) -> Segments {
        let root = Some(ContentRoot::new(size));
        Segments {
            state: Mutex::new(SegmentsState { next: 0, is_exhausted: false, handed_out: 0, added: 0, waiting: BTreeMap::new(), root }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, SegmentsState> {
        self.state.lock().expect("no thread panics while it holds this lock")
    }

    /// Hands out a segment: that which is said to be the next to be looked at, from one on.
    pub(super) fn assign(&self, next: impl FnOnce(u64) -> Option<u64>) -> Option<Assignment> {
        let mut state = self.lock();
        // What turns up after that came too late for the root.
        if state.is_exhausted {
            return None;
        }
        let Some(index) = next(state.next) else {
            state.is_exhausted = true;
            return None;
        };
        let assignment = Assignment { number: state.handed_out, index };
        state.next = index + 1;
        state.handed_out += 1;
        Some(assignment)
    }

    /// Takes the digest of a segment that was handed out.
    pub(super) fn settle(&self, assignment: Assignment, segment: Digest) {
        let mut state = self.lock();
        let SegmentsState { added, waiting, root, .. } = &mut *state;
        waiting.insert(assignment.number, (assignment.index, segment));
        while let (Some((index, segment)), Some(root)) = (waiting.remove(added), root.as_mut()) {
            root.add(index, segment);
            *added += 1;
        }
    }

    /// Returns the content root when all digests are there, and only once. Of the threads that work until nothing is handed out, the last to
    /// ask gets it.
    pub(super) fn root(&self) -> Option<Digest> {
        let mut state = self.lock();
        let is_complete = state.is_exhausted && state.added == state.handed_out;
        state.root.take_if(|_| is_complete).map(ContentRoot::finish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u64) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    #[test]
    fn the_root_is_the_same_in_whatever_order_digests_come() {
        let mut expected = ContentRoot::new(4711);
        (0..10).for_each(|index| expected.add(index * 3, digest(index)));
        let segments = Segments::of(4711);
        let assign = || segments.assign(|from| Some(from.next_multiple_of(3)).filter(|index| *index < 30));
        let mut assignments: Vec<Assignment> = std::iter::from_fn(assign).collect();
        assignments.rotate_left(4);
        assignments.swap(1, 7);
        for assignment in assignments {
            assert!(segments.root().is_none(), "{assignment:?} is missing");
            let segment = digest(assignment.index / 3);
            segments.settle(assignment, segment);
        }
        assert_eq!(segments.root(), Some(expected.finish()));
        assert!(segments.root().is_none(), "one thread alone ends it");
    }

    #[test]
    fn only_what_waits_for_another_is_kept() {
        let segments = Segments::of(1 << 62);
        let assign = || segments.assign(Some).expect("there are more");
        let slow = assign();
        let early: Vec<Assignment> = (0..5).map(|_| assign()).collect();
        early.into_iter().for_each(|assignment| segments.settle(assignment, digest(1)));
        assert_eq!(segments.lock().waiting.len(), 5);
        segments.settle(slow, digest(1));
        for _ in 0..1000 {
            segments.settle(assign(), digest(1));
            assert!(segments.lock().waiting.is_empty());
        }
    }

    #[test]
    fn what_has_no_segment_with_data_is_complete_at_once_and_stays_so() {
        let segments = Segments::of(1 << 62);
        assert!(segments.root().is_none(), "nobody has asked yet");
        assert!(segments.assign(|_| None).is_none());
        assert!(segments.assign(Some).is_none());
        assert_eq!(segments.root(), Some(ContentRoot::new(1 << 62).finish()));
    }
}
