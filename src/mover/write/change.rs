//! What one end tells the other to do to a volume, entry by entry.
//!
//! A change is an [`Item`] with the pieces of content that belong to it. Items may be carried out in any order within a
//! stage; what must come later (links, times of directories) is in a later stage.

use serde::{Deserialize, Serialize};

use crate::mover::disk::metadata::Metadata;
use crate::mover::ground::fail::Result;

/// The stages of a pass over a tree: contents, links, directories.
pub const STAGES: usize = 3;

/// One change at the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "`path` and `metadata` are of the entry; the rest is said")]
pub enum Item {
    /// Make a new regular file, in the place of whatever is there.
    Create { path: Vec<u8>, metadata: Metadata, size: u64 },
    /// Change a regular file that is there.
    Patch { path: Vec<u8>, metadata: Metadata, size: u64 },
    /// Write a part of a large file, which is known by a number within the pass.
    Segment { file: u64, path: Vec<u8>, is_new: bool, index: u64 },
    /// Complete a large file once this many of its segments are written.
    Finish { file: u64, path: Vec<u8>, is_new: bool, metadata: Metadata, size: u64, segments: u64 },
    /// Set the metadata of a regular file.
    Dress { path: Vec<u8>, metadata: Metadata },
    /// Make a symlink, fifo, socket or device, in the place of whatever is there.
    Special { path: Vec<u8>, metadata: Metadata },
    /// Make a directory, in the place of whatever is there that is not one.
    Directory { path: Vec<u8> },
    /// Set the metadata of a directory.
    DressDirectory { path: Vec<u8>, metadata: Metadata },
    /// Make a hard link to a path that is there, in the place of whatever is there.
    Link { path: Vec<u8>, to: Vec<u8> },
    /// Remove an entry with all beneath it.
    Delete { path: Vec<u8> },
}

impl Item {
    /// Returns the path of the entry.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        match self {
            Item::Create { path, .. }
            | Item::Patch { path, .. }
            | Item::Segment { path, .. }
            | Item::Finish { path, .. }
            | Item::Dress { path, .. }
            | Item::Special { path, .. }
            | Item::Directory { path }
            | Item::DressDirectory { path, .. }
            | Item::Link { path, .. }
            | Item::Delete { path } => path,
        }
    }

    /// Returns the metadata it carries.
    #[must_use]
    pub fn metadata(&self) -> Option<&Metadata> {
        match self {
            Item::Create { metadata, .. }
            | Item::Patch { metadata, .. }
            | Item::Finish { metadata, .. }
            | Item::Dress { metadata, .. }
            | Item::Special { metadata, .. }
            | Item::DressDirectory { metadata, .. } => Some(metadata),
            Item::Segment { .. } | Item::Directory { .. } | Item::Link { .. } | Item::Delete { .. } => None,
        }
    }
}

/// A stretch of content: bytes to write, or zeros.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// Where in the file.
    pub offset: u64,
    /// How long.
    pub length: u64,
    /// The bytes; none for zeros.
    pub bytes: Option<&'a [u8]>,
}

/// The way on which one thread's changes go to the target.
pub trait Lane: Send {
    /// Passes one change on. It may be carried out at once or later, but before [`Lane::end_stage`] takes effect.
    fn emit(&mut self, item: Item, pieces: &[Piece<'_>]) -> Result<()>;

    /// Says that nothing of this stage will follow on this lane.
    fn end_stage(&mut self) -> Result<()>;
}

/// A lane that leads nowhere, for an end that only reads.
#[derive(Debug, Default)]
pub struct NoLane;

impl Lane for NoLane {
    fn emit(&mut self, _: Item, _: &[Piece<'_>]) -> Result<()> {
        Ok(())
    }

    fn end_stage(&mut self) -> Result<()> {
        Ok(())
    }
}
