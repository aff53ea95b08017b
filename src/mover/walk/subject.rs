//! What is being looked at: a directory, and an entry in it with what is known of it.
//!
//! Nothing is read here.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::mover::disk::metadata::Metadata;
use crate::mover::disk::stat::{Stamp, Stat};
use crate::mover::manifest::known::KnownEntry;

/// A directory as it was when it was opened.
#[derive(Debug)]
pub(super) struct Directory {
    /// Its path.
    pub(super) path: Vec<u8>,
    pub(super) metadata: Metadata,
    pub(super) is_touched: AtomicBool,
}

/// An entry that is being examined.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) directory: Arc<Directory>,
    pub(super) path: Vec<u8>,
    pub(super) seen: Stat,
    /// Apart, since most of many have none in a first pass.
    pub(super) old: Option<Box<KnownEntry>>,
}

impl Subject {
    /// Returns what was known, unless it was of another type.
    pub(super) fn old_of_kind(&self) -> Option<&KnownEntry> {
        self.old.as_deref().filter(|old| old.entry.kind == self.seen.kind)
    }

    /// Returns whether this is the inode that was known under this path.
    pub(super) fn is_same_inode(&self) -> bool {
        let stamp: Option<Stamp> = self.old_of_kind().and_then(|old| old.stamp);
        stamp.is_some_and(|stamp| stamp.inode == self.seen.stamp.inode)
    }

    /// Returns whether the target has this path as a hard link of something it is not linked to any more. If so, it must
    /// not be changed in place.
    pub(super) fn must_part_from_links(&self) -> bool {
        self.old_of_kind().is_some_and(|old| !old.entry.lead.is_empty()) && !self.is_same_inode()
    }
}
