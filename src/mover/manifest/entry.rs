//! What a manifest keeps of one entry of a volume, and the digest by which both ends compare it.
//!
//! Pages of entries are kept by [`super::index`].

use serde::{Deserialize, Serialize};

use crate::mover::disk::stat::{EntryKind, Stamp};
use crate::mover::ground::digest::{Digest, block_count};

/// Entries in a page at most.
pub const PAGE_ENTRIES_MAX: usize = 512;

/// What is known of one entry.
///
/// The entry of a directory itself is in its own pages, under the empty name; in its parent's pages is only a marker
/// (see [`Entry::marker`]), so that a directory that vanishes between the two leaves no false claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The name within its directory.
    #[serde(with = "serde_bytes")]
    pub name: Vec<u8>,
    /// The type.
    pub kind: EntryKind,
    /// Its identity at the end that keeps this manifest; the size is part of the proof.
    pub stamp: Stamp,
    /// Whether it may have changed since without its stamp showing it.
    pub is_hot: bool,
    /// [`crate::mover::disk::metadata::Metadata::digest`].
    pub metadata: Digest,
    /// The content root of a regular file.
    pub content: Digest,
    /// Where its block digests are, see [`super::blocks::Blocks`]; none for files of one block, and where there was no room.
    pub blocks: Option<u64>,
    /// The smallest path of its group of hard links; empty for an entry with a single path.
    #[serde(with = "serde_bytes")]
    pub lead: Vec<u8>,
}

impl Entry {
    /// Returns the entry that stands for a directory in its parent's pages.
    #[must_use]
    pub fn marker(name: &[u8]) -> Entry {
        Entry {
            name: name.to_vec(),
            kind: EntryKind::Directory,
            stamp: Stamp::default(),
            is_hot: false,
            metadata: Digest::ZEROS,
            content: Digest::ZEROS,
            blocks: None,
            lead: Vec::new(),
        }
    }

    /// Returns whether there was no room for its block digests, so that nothing is known of its parts.
    #[must_use]
    pub fn lacks_blocks(&self) -> bool {
        self.kind == EntryKind::Regular && self.blocks.is_none() && block_count(self.stamp.size) > 1
    }

    /// Returns the digest of everything that must be the same at both ends.
    #[must_use]
    pub fn proof(&self) -> Digest {
        let size = if self.kind == EntryKind::Regular { self.stamp.size } else { 0 };
        let parts: [&[u8]; 7] = [
            &(self.name.len() as u64).to_le_bytes(),
            &self.name,
            &[self.kind as u8],
            &self.metadata.0,
            &size.to_le_bytes(),
            &self.content.0,
            &self.lead,
        ];
        Digest::of(&parts.concat())
    }
}

/// Returns the digest of a page.
pub(super) fn proof_of(entries: &[Entry]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for entry in entries {
        hasher.update(&entry.proof().0);
    }
    Digest(hasher.finalize().into())
}
