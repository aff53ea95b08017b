//! Regular files that are open to be read: small ones, and large ones on which many threads work.
//!
//! How they are read is in [`super::small`] and [`super::large`].

use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicU64;

use super::links::Group;
use super::segments::Segments;
use super::subject::Subject;
use crate::mover::disk::buffer::ALIGNMENT;
use crate::mover::disk::metadata::Metadata;
use crate::mover::disk::stat::Stat;
use crate::mover::ground::digest;
use crate::mover::manifest::known::KnownEntry;
use crate::mover::write::touched::WrittenBlocks;

/// A small file that is open and was not read yet.
pub(super) struct SmallFile {
    pub(super) opened: OwnedFd,
    pub(super) seen: Stat,
    pub(super) metadata: Metadata,
    pub(super) is_new: bool,
}

impl SmallFile {
    /// Returns how long its content is.
    pub(super) fn length(&self) -> usize {
        self.seen.stamp.size as usize
    }

    /// Returns the room it takes in a buffer.
    pub(super) fn room(&self) -> usize {
        self.length().next_multiple_of(ALIGNMENT)
    }
}

/// A large file, shared by the threads that work on its segments.
pub(super) struct LargeFile {
    pub(super) subject: Subject,
    pub(super) opened: OwnedFd,
    /// The same past the page cache.
    pub(super) direct: Option<OwnedFd>,
    pub(super) seen: Stat,
    pub(super) metadata: Metadata,
    pub(super) number: u64,
    pub(super) is_new: bool,
    pub(super) region: Option<u64>,
    /// What to take from memory, because it was not touched; none: read all.
    pub(super) untouched: Option<PartialRead>,
    /// Segments that were read back while the pass ran, and where their digests are.
    pub(super) early: HashMap<u64, u64>,
    pub(super) segments: Segments,
    pub(super) emitted: AtomicU64,
    pub(super) group: Option<Group>,
}

/// What of a large file need not be read again.
pub(super) struct PartialRead {
    pub(super) touched: BTreeMap<u64, WrittenBlocks>,
    /// From this segment on all may differ, because the size changed.
    pub(super) resized_from: Option<u64>,
    pub(super) known: KnownEntry,
}

impl LargeFile {
    /// Returns how many segments it has, holes among them.
    pub(super) fn count(&self) -> u64 {
        digest::segment_count(self.seen.stamp.size)
    }

    /// Returns what the target is known to hold in its place.
    pub(super) fn old(&self) -> Option<&KnownEntry> {
        self.subject.old_of_kind().filter(|_| !self.is_new)
    }
}
