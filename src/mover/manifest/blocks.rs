//! The digests of the blocks of files: where a manifest's entries find those of their content.
//!
//! They are most of what a mover keeps: 16 bytes for 8 KiB. A file that changed gets a new region, so that the committed manifest stays whole; what earlier ones
//! left is given up when a new store is begun, to which the regions that are still needed are carried ([`Blocks::carry`]). When to do so is the
//! manifest's business.

use std::path::Path;

use super::store::Store;
use crate::mover::ground::digest::{BlockDigest, SEGMENT_BLOCKS, block_count};
use crate::mover::ground::fail::{self, Result};

/// The digests of the blocks of files larger than one block: a file of 16-byte records, addressed by byte offset.
///
/// Records that were never written read as zeros, which is the digest of zeros. A region, once part of a committed manifest,
/// is never written again.
#[derive(Debug)]
pub struct Blocks {
    store: Store,
    /// The first address, where those of the store before end: so that an address tells in which of the two it is.
    base: u64,
}

const RECORD_BYTES: u64 = BlockDigest::BYTES as u64;
/// Where regions end at the latest: well before the largest file that ext4 takes, which is of 16 TiB. These are 4 PiB of content, holes
/// included. A file that finds no room is written anew when it changes.
const REGIONS_END_MAX: u64 = 8 << 40;
/// What its files are called.
pub(crate) const KIND: &str = "blocks";

impl Blocks {
    /// Makes a file that is gone when it is closed.
    pub fn scratch(folder: &Path) -> Result<Blocks> {
        let store = Store::scratch(folder, KIND);
        store
            .map(|store| Blocks { store, base: 0 })
            .map_err(|error| fail::system_io("making a file for digests in the state folder", &error))
    }

    /// Makes a new store, whose addresses follow those of the one before.
    pub(crate) fn create(folder: &Path, manifest: &str, before: Option<&Blocks>) -> std::io::Result<Blocks> {
        let base = before.map_or(0, |before| before.base + before.store.end());
        Store::create(folder, manifest, KIND).map(|store| Blocks { store, base })
    }

    /// Opens the store of this name, whose addresses begin here.
    pub(crate) fn open(folder: &Path, name: &str, base: u64) -> std::io::Result<Blocks> {
        Store::open(folder, name).map(|store| Blocks { store, base })
    }

    /// Returns the file that it is.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Returns its first address.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// Returns where a region is from now on: where it was if that is in this store, or where it was carried to; none where there is no room.
    pub(crate) fn carry(&self, before: &Blocks, region: u64, size: u64) -> Result<Option<u64>> {
        if region >= self.base {
            return Ok(Some(region));
        }
        let Some(to) = self.reserve(size) else { return Ok(None) };
        let count = block_count(size);
        let mut from = 0;
        while let Some(first) = before.next(region, from).filter(|first| *first < count) {
            let part = (count - first).min(SEGMENT_BLOCKS);
            self.write(to, first, &before.read(region, first, part)?)?;
            from = first + part;
        }
        Ok(Some(to))
    }

    /// Sets aside the region of a file of this size; none when it has one block or less, or says that it has more than there is room for.
    pub fn reserve(&self, size: u64) -> Option<u64> {
        let count = block_count(size);
        let place = (count > 1).then(|| self.store.reserve_before(count * RECORD_BYTES, REGIONS_END_MAX)).flatten();
        place.map(|place| self.base + place)
    }

    /// Returns the next block of a region, from one on, whose digest may be another than that of zeros; it may lie past the region's end.
    #[must_use]
    pub fn next(&self, region: u64, first: u64) -> Option<u64> {
        let region = region.checked_sub(self.base)?;
        self.store.next_written(region + first * RECORD_BYTES).map(|at| (at - region) / RECORD_BYTES)
    }

    /// Writes the digests of consecutive blocks.
    pub fn write(&self, region: u64, first: u64, digests: &[BlockDigest]) -> Result<()> {
        if digests.iter().all(|digest| *digest == BlockDigest::ZEROS) {
            return Ok(());
        }
        let bytes: Vec<u8> = digests.iter().flat_map(|digest| digest.0).collect();
        let written = self.place(region, first).and_then(|place| self.store.write(&bytes, place));
        written.map_err(|error| fail::system_io("writing block digests", &error))
    }

    /// Reads the digests of consecutive blocks.
    pub fn read(&self, region: u64, first: u64, count: u64) -> Result<Vec<BlockDigest>> {
        let length = (count * RECORD_BYTES) as usize;
        let read = self.place(region, first).and_then(|place| self.store.read(place, length));
        let mut bytes = read.map_err(|error| fail::system_io("reading block digests", &error))?;
        // Past the end: records that were never written.
        bytes.resize(length, 0);
        Ok(BlockDigest::all_in(&bytes))
    }

    fn place(&self, region: u64, first: u64) -> std::io::Result<u64> {
        let region = region.checked_sub(self.base).ok_or(std::io::ErrorKind::InvalidData)?;
        Ok(region + first * RECORD_BYTES)
    }
}
