//! A manifest on its way to the other end, with the digests of its blocks.
//!
//! What the listing is good for is decided by who asked for it.

use std::path::Path;
use std::sync::Arc;

use super::channel::Channel;
use super::wire::{self, Message};
use crate::mover::disk::buffer::Buffer;
use crate::mover::disk::origin::VolumeOrigin;
use crate::mover::disk::stat::EntryKind;
use crate::mover::ground::digest::{BlockDigest, block_count};
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::progress::Cancel;
use crate::mover::manifest::entry::Entry;
use crate::mover::manifest::reader::Manifest;
use crate::mover::manifest::writer::Writer;

/// Receives a listing into a manifest of its own, at the same places in its block digests as at the target.
pub(super) fn receive(channel: &mut Channel, folder: &Path) -> Result<Arc<Manifest>> {
    let writer = Writer::new(folder, "listing", None)?;
    let mut content = Buffer::default();
    loop {
        match channel.receive(&mut content)? {
            Message::Page { directory, entries } if wire::page_is_sound(&directory, &entries) => writer.put(&directory, &entries)?,
            Message::Blocks { region, first } if region <= wire::REGION_MAX && first <= wire::REGION_MAX => {
                let digests = BlockDigest::all_in(&content);
                writer.blocks().write(region, first, &digests)?;
            }
            Message::ListingEnd { root } => {
                let finished = writer.finish(VolumeOrigin::default())?;
                if finished.manifest().root() != root {
                    return Err(fail::peer("the target's listing is not what it says"));
                }
                return finished.commit().map(Arc::new);
            }
            _ => return Err(unexpected()),
        }
    }
}

/// The failure of a peer that answers something else than it was asked.
pub(super) fn unexpected() -> Halt {
    fail::peer("the other mover answered something that was not asked")
}

/// Sends a listing; the other end of [`receive`].
pub(super) fn send(channel: &mut Channel, manifest: &Manifest, cancel: &Cancel) -> Result<()> {
    for directory in manifest.directories() {
        cancel.check()?;
        let mut entries = manifest.entries_of(directory)?;
        for entry in &mut entries {
            send_blocks(channel, manifest, entry)?;
            entry.blocks = entry.blocks.map(|region| region - manifest.blocks().base());
        }
        for page in entries.chunks(LISTED_ENTRIES_MAX) {
            let message = Message::Page { directory: directory.to_vec(), entries: page.to_vec() };
            channel.send(&message, &[])?;
        }
    }
    channel.send(&Message::ListingEnd { root: manifest.root() }, &[])
}

/// So few that a page fits a frame however long its paths are.
const LISTED_ENTRIES_MAX: usize = 128;
const LISTED_BLOCKS_MAX: u64 = 32 << 10;

fn send_blocks(channel: &mut Channel, manifest: &Manifest, entry: &Entry) -> Result<()> {
    let (Some(region), EntryKind::Regular) = (entry.blocks, entry.kind) else {
        return Ok(());
    };
    let count = block_count(entry.stamp.size);
    let mut from = 0;
    // Holes need no telling: what is not written reads as zeros.
    while let Some(first) = manifest.blocks().next(region, from).filter(|first| *first < count) {
        let part = (count - first).min(LISTED_BLOCKS_MAX);
        let digests = manifest.blocks().read(region, first, part)?;
        if digests.iter().any(|digest| *digest != BlockDigest::ZEROS) {
            let content: Vec<u8> = digests.iter().flat_map(|digest| digest.0).collect();
            // Counted from the beginning of the store, which is where the listing's begins.
            channel.send(&Message::Blocks { region: region - manifest.blocks().base(), first }, &content)?;
        }
        from = first + part;
    }
    Ok(())
}
