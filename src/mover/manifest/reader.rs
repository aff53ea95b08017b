//! The mover's own memory of a volume for reading: every entry with its identity, digests and links, as sorted pages, and an index of them.
//!
//! It lives in the mover's state folder, never in the user's volume. Pages are read one at a time, so that memory grows with
//! the number of directories and pages, not of files; those that are as they were stay where they are when the next one is made. A manifest whose
//! index does not check out counts as absent. Whether its claims may be believed today is not decided here.

use std::path::Path;
use std::sync::Arc;

use super::blocks::Blocks;
use super::entry::Entry;
use super::index::{self, DirectoryAt, Index, PageAt};
use super::store::Store;
use crate::mover::disk::origin::VolumeOrigin;
use crate::mover::disk::stat::Time;
use crate::mover::ground::digest::Digest;
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::path;

/// It does not pay for less.
const GIVEN_UP_BYTES_MIN: u64 = 64 << 10;

/// A finished manifest, open for reading.
#[derive(Debug)]
pub struct Manifest {
    pub(super) index: Index,
    pub(super) pages: Arc<Store>,
    pub(super) blocks: Arc<Blocks>,
}

impl Manifest {
    /// Opens the manifest of this name in a folder; none if there is none that is whole.
    #[must_use]
    pub fn open(folder: &Path, name: &str) -> Option<Manifest> {
        let index = index::read(&folder.join(name))?;
        let pages = Arc::new(Store::open(folder, &index.pages).ok()?);
        let blocks = Arc::new(Blocks::open(folder, &index.blocks, index.blocks_base).ok()?);
        let manifest = Manifest { index, pages, blocks };
        let is_whole = manifest.pages().all(|page| page.offset + u64::from(page.length) <= manifest.pages.end());
        is_whole.then_some(manifest)
    }

    /// Returns the root digest.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.index.root
    }

    /// Returns under what circumstances it was made.
    #[must_use]
    pub fn origin(&self) -> &VolumeOrigin {
        &self.index.origin
    }

    /// Returns its number of entries.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.index.entries
    }

    /// Returns the block digests its entries point into.
    #[must_use]
    pub fn blocks(&self) -> &Arc<Blocks> {
        &self.blocks
    }

    /// Returns all directories in order.
    #[must_use]
    pub fn directories(&self) -> Vec<&[u8]> {
        let mut directories: Vec<&[u8]> = self.index.directories.keys().map(Vec::as_slice).collect();
        directories.sort_unstable();
        directories
    }

    /// Reads the entries of a directory from one name up to, not including, another; sorted.
    pub fn entries_between(&self, directory: &[u8], from: &[u8], to: Option<&[u8]>) -> Result<Vec<Entry>> {
        let Some(DirectoryAt { pages, .. }) = self.index.directories.get(directory) else {
            return Ok(Vec::new());
        };
        let overlaps = |page: &&PageAt| page.last.as_slice() >= from && to.is_none_or(|to| page.first.as_slice() < to);
        let mut entries = Vec::new();
        for page in pages.iter().filter(overlaps) {
            entries.extend(read_page(&self.pages, page)?);
        }
        entries.iter_mut().for_each(|entry| entry.is_hot |= self.index.is_doubtful);
        entries.retain(|entry| entry.name.as_slice() >= from && to.is_none_or(|to| entry.name.as_slice() < to));
        if pages.len() > 1 {
            entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        }
        Ok(entries)
    }

    /// Returns the page that has these very bytes.
    pub(super) fn page_of(&self, directory: &[u8], first: &[u8], bytes: &[u8]) -> Result<Option<&PageAt>> {
        let Some(DirectoryAt { pages, .. }) = self.index.directories.get(directory) else {
            return Ok(None);
        };
        let at = pages.partition_point(|page| page.first.as_slice() < first);
        match pages.get(at).filter(|page| page.first == first && page.length as usize == bytes.len()) {
            Some(page) => Ok((read_bytes(&self.pages, page)? == bytes).then_some(page)),
            None => Ok(None),
        }
    }

    /// Returns whether most of what lies beside it are pages of earlier ones.
    pub(super) fn is_mostly_waste(&self) -> bool {
        self.pages.end() > 2 * self.pages().map(|page| u64::from(page.length)).sum::<u64>()
    }

    /// Returns whether so much of the block digests is of earlier ones that it pays to carry those that are needed to a new store.
    pub(super) fn has_blocks_to_give_up(&self) -> bool {
        let first = self.index.blocks_at_first;
        self.blocks.store().allocated() > first.saturating_add(first / 4) + GIVEN_UP_BYTES_MIN
    }

    fn pages(&self) -> impl Iterator<Item = &PageAt> {
        self.index.directories.values().flat_map(|directory| &directory.pages)
    }

    /// Returns the modification time that an entry had at this end.
    pub(crate) fn time_of(&self, path: &[u8]) -> Result<Option<Time>> {
        // What is itself a directory has its own entry in its own pages.
        let own = self.entries_of(path)?.into_iter().find(|entry| entry.name.is_empty());
        let (directory, name) = path::split(path);
        let entry = match own {
            None => self.entries_of(directory)?.into_iter().find(|entry| entry.name == name),
            own => own,
        };
        Ok(entry.map(|entry| entry.stamp.mtime))
    }

    /// Reads all entries of a directory.
    pub fn entries_of(&self, directory: &[u8]) -> Result<Vec<Entry>> {
        self.entries_between(directory, b"", None)
    }
}

fn read_bytes(pages: &Store, page: &PageAt) -> Result<Vec<u8>> {
    let bytes = pages.read(page.offset, page.length as usize).map_err(|error| unreadable(&error))?;
    if bytes.len() < page.length as usize {
        return Err(unreadable(&std::io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(bytes)
}

/// Reads the entries of a page.
pub(super) fn read_page(pages: &Store, page: &PageAt) -> Result<Vec<Entry>> {
    let invalid = |error| unreadable(&std::io::Error::new(std::io::ErrorKind::InvalidData, error));
    postcard::from_bytes(&read_bytes(pages, page)?).map_err(invalid)
}

fn unreadable(error: &std::io::Error) -> Halt {
    fail::system_io("reading the manifest", error)
}
