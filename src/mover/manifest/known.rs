//! What is known before a scan begins: the end's own manifest, and at the source what the target is known to hold.
//!
//! Mostly these are one and the same. They part when the target lost its memory, or this end did, or a pass was broken off:
//! then the target's listing says what is there, and our own manifest is used only where both agree.

use std::sync::Arc;

use super::blocks::Blocks;
use super::entry::Entry;
use super::reader::Manifest;
use crate::mover::disk::stat::Stamp;
use crate::mover::ground::fail::Result;

/// One entry from memory.
#[derive(Clone, Debug)]
pub struct KnownEntry {
    /// What the target holds (at the target: what it held).
    pub entry: Entry,
    /// The entry's identity at this end when it was last like that; none if this end cannot tell.
    pub stamp: Option<Stamp>,
    /// Where the entry's block digests are.
    pub blocks: Arc<Blocks>,
}

/// The memory of a scan.
#[derive(Debug)]
pub enum Memory {
    /// Nothing: everything is new.
    Blank,
    /// This end's manifest, which holds of the target too.
    Own(Arc<Manifest>),
    /// What the target listed, and this end's manifest if there is one.
    Listed {
        /// The target's listing.
        listing: Arc<Manifest>,
        /// This end's manifest.
        own: Option<Arc<Manifest>>,
    },
}

impl Memory {
    /// Reads what is known of a directory from one name up to, not including, another; sorted.
    pub fn entries_between(&self, directory: &[u8], from: &[u8], to: Option<&[u8]>) -> Result<Vec<KnownEntry>> {
        match self {
            Memory::Blank => Ok(Vec::new()),
            Memory::Own(own) => {
                let entries = own.entries_between(directory, from, to)?;
                Ok(entries.into_iter().map(|entry| remembered(entry, own)).collect())
            }
            Memory::Listed { listing, own } => {
                let listed = listing.entries_between(directory, from, to)?;
                let Some(own) = own else {
                    return Ok(listed.into_iter().map(|entry| told(entry, listing)).collect());
                };
                let mut ours = own.entries_between(directory, from, to)?.into_iter().peekable();
                let merged = listed.into_iter().map(|theirs| {
                    while ours.next_if(|entry| entry.name < theirs.name).is_some() {}
                    match ours.next_if(|entry| is_agreed(entry, &theirs)) {
                        Some(entry) => remembered(entry, own),
                        None => told(theirs, listing),
                    }
                });
                Ok(merged.collect())
            }
        }
    }

    /// Returns this end's manifest.
    #[must_use]
    pub fn own(&self) -> Option<&Arc<Manifest>> {
        match self {
            Memory::Blank => None,
            Memory::Own(own) => Some(own),
            Memory::Listed { own, .. } => own.as_ref(),
        }
    }
}

fn remembered(entry: Entry, own: &Manifest) -> KnownEntry {
    KnownEntry { stamp: Some(entry.stamp), blocks: Arc::clone(own.blocks()), entry }
}

fn told(entry: Entry, listing: &Manifest) -> KnownEntry {
    KnownEntry { stamp: None, blocks: Arc::clone(listing.blocks()), entry }
}

/// The proof covers name, type, metadata, size, content and links.
fn is_agreed(ours: &Entry, theirs: &Entry) -> bool {
    ours.name == theirs.name && ours.proof() == theirs.proof()
}
