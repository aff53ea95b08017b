//! The mover's own memory of a volume: every entry with its identity, digests and links, as sorted pages, and an index of them.
//!
//! It lives in the mover's state folder, never in the user's volume. Pages are read one at a time, so that memory grows with
//! the number of directories and pages, not of files; those that are as they were stay where they are when the next one is made. A manifest whose
//! index does not check out counts as absent. Whether its claims may be believed today is not decided here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::blocks::{self, Blocks};
use super::store::{self, Store};
use crate::mover::disk::metadata::{Kind, Stamp, Time};
use crate::mover::ground::digest::{Digest, block_count};
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::path;

/// Entries in a page at most.
pub const PAGE_ENTRIES_MAX: usize = 512;

const MAGIC: &[u8; 8] = b"mover-m7";
const PAGES: &str = "pages";
/// It does not pay for less.
const GIVEN_UP_BYTES_MIN: u64 = 64 << 10;

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
    pub kind: Kind,
    /// Its identity at the end that keeps this manifest; the size is part of the proof.
    pub stamp: Stamp,
    /// Whether it may have changed since without its stamp showing it.
    pub is_hot: bool,
    /// [`crate::mover::disk::metadata::Metadata::digest`].
    pub metadata: Digest,
    /// The content root of a regular file.
    pub content: Digest,
    /// Where its block digests are, see [`Blocks`]; none for files of one block, and where there was no room.
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
            kind: Kind::Directory,
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
        self.kind == Kind::Regular && self.blocks.is_none() && block_count(self.stamp.size) > 1
    }

    /// Returns the digest of everything that must be the same at both ends.
    #[must_use]
    pub fn proof(&self) -> Digest {
        let size = if self.kind == Kind::Regular { self.stamp.size } else { 0 };
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

fn proof_of(entries: &[Entry]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for entry in entries {
        hasher.update(&entry.proof().0);
    }
    Digest(hasher.finalize().into())
}

/// Under what circumstances a manifest was made; its owner decides by this whether to believe it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The boot of the kernel: after another one, data and stamps on the disk may have parted.
    pub boot: String,
    /// The process.
    pub process: u64,
    /// The volume: device number and inode of its root.
    pub volume: (u64, u64),
    /// The mount, since another volume may come to be mounted under the same numbers: a snapshot of this one, whose stamps may be
    /// newer than its data.
    pub mount: u64,
}

impl Origin {
    /// Returns whether stamps of one still mean something for the other.
    #[must_use]
    pub fn is_comparable(&self, other: &Origin) -> bool {
        (&self.boot, self.volume, self.mount) == (&other.boot, other.volume, other.mount)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Index {
    origin: Origin,
    root: Digest,
    pages: String,
    blocks: String,
    /// Where the addresses of its block digests begin.
    blocks_base: u64,
    /// How many bytes they took when the first manifest that points into their store was complete.
    blocks_at_first: u64,
    entries: u64,
    /// Whether every entry counts as hot.
    is_doubtful: bool,
    directories: HashMap<Vec<u8>, DirectoryAt>,
}

/// The pages of a directory, sorted by their first names; two may overlap.
#[derive(Debug, Serialize, Deserialize)]
struct DirectoryAt {
    pages: Vec<PageAt>,
    /// The digest over its entries in order.
    proof: Digest,
}

impl DirectoryAt {
    /// Returns whether another one has the same entries on the same pages, as far as both ends must agree on them.
    fn has_pages(&self, pages: &[PageAt]) -> bool {
        let is_same = |one: &PageAt, other: &PageAt| (&one.first, &one.last, one.proof) == (&other.first, &other.last, other.proof);
        self.pages.len() == pages.len() && self.pages.iter().zip(pages).all(|(one, other)| is_same(one, other))
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct PageAt {
    first: Vec<u8>,
    last: Vec<u8>,
    offset: u64,
    length: u32,
    proof: Digest,
}

/// A finished manifest, open for reading.
#[derive(Debug)]
pub struct Manifest {
    index: Index,
    pages: Arc<Store>,
    blocks: Arc<Blocks>,
}

impl Manifest {
    /// Opens the manifest of this name in a folder; none if there is none that is whole.
    #[must_use]
    pub fn open(folder: &Path, name: &str) -> Option<Manifest> {
        let signed = std::fs::read(folder.join(name)).ok()?;
        let (hash, bytes) = signed.strip_prefix(MAGIC)?.split_at_checked(blake3::OUT_LEN)?;
        if blake3::hash(bytes).as_bytes() != hash {
            return None;
        }
        let index: Index = postcard::from_bytes(bytes).ok()?;
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
    pub fn origin(&self) -> &Origin {
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
    fn page_of(&self, directory: &[u8], first: &[u8], bytes: &[u8]) -> Result<Option<&PageAt>> {
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
    fn is_mostly_waste(&self) -> bool {
        self.pages.end() > 2 * self.pages().map(|page| u64::from(page.length)).sum::<u64>()
    }

    /// Returns whether so much of the block digests is of earlier ones that it pays to carry those that are needed to a new store.
    fn has_blocks_to_give_up(&self) -> bool {
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

fn read_page(pages: &Store, page: &PageAt) -> Result<Vec<Entry>> {
    let invalid = |error| unreadable(&std::io::Error::new(std::io::ErrorKind::InvalidData, error));
    postcard::from_bytes(&read_bytes(pages, page)?).map_err(invalid)
}

fn unreadable(error: &std::io::Error) -> Halt {
    fail::system_io("reading the manifest", error)
}

/// A manifest in the making; pages may be put from many threads, in any order.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    name: String,
    pages: Arc<Store>,
    blocks: Arc<Blocks>,
    old: Option<Arc<Manifest>>,
    state: Mutex<WriterState>,
}

#[derive(Debug, Default)]
struct WriterState {
    entries: u64,
    /// Without their digests, which are made in the end.
    directories: HashMap<Vec<u8>, DirectoryAt>,
    /// Where the region of a file with hard links is, by where it was: its entries share it.
    shared: HashMap<u64, Option<u64>>,
}

impl Writer {
    /// Begins a manifest that replaces the one of this name when it is finished. Its entries may point into the block
    /// digests of the old one, if that is given; and pages that are there as they will be here are neither written nor digested again.
    pub fn new(folder: &Path, name: &str, old: Option<Arc<Manifest>>) -> Result<Writer> {
        let failed = |error| fail::system_io("making a manifest in the state folder", &error);
        std::fs::create_dir_all(folder).map_err(failed)?;
        // What one that broke off has left.
        let kept = old.as_ref().map(|old| (old.pages.name(), old.blocks.store().name()));
        store::remove_all_but(folder, name, PAGES, kept.map(|(pages, _)| pages)).map_err(failed)?;
        store::remove_all_but(folder, name, blocks::KIND, kept.map(|(_, blocks)| blocks)).map_err(failed)?;
        let pages = match old.as_ref().filter(|old| !old.is_mostly_waste()) {
            Some(old) => Arc::clone(&old.pages),
            None => Arc::new(Store::create(folder, name, PAGES).map_err(failed)?),
        };
        let blocks = match old.as_ref().filter(|old| !old.has_blocks_to_give_up()) {
            Some(old) => Arc::clone(&old.blocks),
            None => Arc::new(Blocks::create(folder, name, old.as_ref().map(|old| &*old.blocks)).map_err(failed)?),
        };
        Ok(Writer { folder: folder.to_owned(), name: name.to_owned(), pages, blocks, old, state: Mutex::default() })
    }

    /// Returns the block digests its entries point into.
    #[must_use]
    pub fn blocks(&self) -> &Arc<Blocks> {
        &self.blocks
    }

    /// Adds entries of one directory, sorted by name.
    pub fn put(&self, directory: &[u8], entries: &[Entry]) -> Result<()> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(());
        };
        let carried = self.carried(entries)?;
        let page = self.page(directory, carried.as_deref().unwrap_or(entries), &first.name, &last.name)?;
        let mut state = self.lock();
        state.entries += entries.len() as u64;
        match state.directories.get_mut(directory) {
            Some(at) => at.pages.push(page),
            None => {
                state.directories.insert(directory.to_vec(), DirectoryAt { pages: vec![page], proof: Digest::ZEROS });
            }
        }
        Ok(())
    }

    /// Returns entries as they point into the block digests that are there from now on, if any of them does not yet.
    fn carried(&self, entries: &[Entry]) -> Result<Option<Vec<Entry>>> {
        let is_elsewhere = |entry: &Entry| entry.blocks.is_some_and(|region| region < self.blocks.base());
        if !entries.iter().any(is_elsewhere) {
            return Ok(None);
        }
        let mut carried = entries.to_vec();
        for entry in &mut carried {
            if let Some(region) = entry.blocks {
                entry.blocks = self.region(region, entry)?;
            }
        }
        Ok(Some(carried))
    }

    /// Returns where the region of an entry is from now on; files with hard links have one for all their entries.
    fn region(&self, region: u64, entry: &Entry) -> Result<Option<u64>> {
        let is_shared = !entry.lead.is_empty();
        if let Some(known) = self.lock().shared.get(&region).copied().filter(|_| is_shared) {
            return Ok(known);
        }
        let size = entry.stamp.size;
        let carried = match &self.old {
            Some(old) => self.blocks.carry(&old.blocks, region, size)?,
            None => Some(region),
        };
        if is_shared {
            self.lock().shared.insert(region, carried);
        }
        Ok(carried)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, WriterState> {
        self.state.lock().expect("no thread panics while it holds this lock")
    }

    /// Returns where a page is, and writes it if it is nowhere yet.
    fn page(&self, directory: &[u8], entries: &[Entry], first: &[u8], last: &[u8]) -> Result<PageAt> {
        let bytes = postcard::to_stdvec(entries).expect("plain data can be serialised");
        let known = match &self.old {
            Some(old) => old.page_of(directory, first, &bytes)?.map(|page| (page, Arc::ptr_eq(&old.pages, &self.pages))),
            None => None,
        };
        if let Some((page, true)) = known {
            return Ok(page.clone());
        }
        let proof = known.map_or_else(|| proof_of(entries), |(page, _)| page.proof);
        let offset = self.pages.reserve(bytes.len() as u64);
        self.pages.write(&bytes, offset).map_err(|error| fail::system_io("writing the manifest", &error))?;
        Ok(PageAt { first: first.to_vec(), last: last.to_vec(), offset, length: bytes.len() as u32, proof })
    }

    /// Ends the manifest without putting it in the place of the old one, which [`Finished::commit`] does.
    pub fn finish(self, origin: Origin) -> Result<Finished> {
        let state = self.state.into_inner().expect("no thread panics while it holds this lock");
        let mut directories = state.directories;
        for (directory, at) in &mut directories {
            settle(&self.pages, at, self.old.as_ref().and_then(|old| old.index.directories.get(directory)))?;
        }
        let (pages, blocks) = (self.pages.name().to_owned(), self.blocks.store().name().to_owned());
        let root = root_of(&directories);
        let blocks_base = self.blocks.base();
        let same = self.old.as_ref().filter(|old| Arc::ptr_eq(&old.blocks, &self.blocks));
        let blocks_at_first = same.map_or_else(|| self.blocks.store().allocated(), |old| old.index.blocks_at_first);
        let index =
            Index { origin, root, pages, blocks, blocks_base, blocks_at_first, entries: state.entries, is_doubtful: false, directories };
        Ok(Finished { folder: self.folder, name: self.name, manifest: Manifest { index, pages: self.pages, blocks: self.blocks } })
    }
}

/// Makes the digest of a directory. Most have one page, or are as they were, whose digest is made already.
fn settle(store: &Store, at: &mut DirectoryAt, old: Option<&DirectoryAt>) -> Result<()> {
    at.pages.sort_unstable_by(|one, other| one.first.cmp(&other.first));
    at.proof = match (at.pages.as_slice(), old) {
        ([page], _) => page.proof,
        (pages, Some(old)) if old.has_pages(pages) => old.proof,
        (pages, _) => proof_of_pages(store, pages)?,
    };
    Ok(())
}

/// Digests the directories in order.
fn root_of(directories: &HashMap<Vec<u8>, DirectoryAt>) -> Digest {
    let mut sorted: Vec<(&Vec<u8>, &DirectoryAt)> = directories.iter().collect();
    sorted.sort_unstable_by_key(|(directory, _)| *directory);
    let mut hasher = blake3::Hasher::new();
    for (directory, DirectoryAt { proof, .. }) in sorted {
        hasher.update(&(directory.len() as u64).to_le_bytes());
        hasher.update(directory);
        hasher.update(&proof.0);
    }
    Digest(hasher.finalize().into())
}

fn proof_of_pages(store: &Store, pages: &[PageAt]) -> Result<Digest> {
    let mut proofs = Vec::new();
    for page in pages {
        let entries = read_page(store, page)?;
        proofs.extend(entries.into_iter().map(|entry| (entry.proof(), entry.name)));
    }
    proofs.sort_unstable_by(|one, other| one.1.cmp(&other.1));
    let mut hasher = blake3::Hasher::new();
    for (proof, _) in &proofs {
        hasher.update(&proof.0);
    }
    Ok(Digest(hasher.finalize().into()))
}

/// Writes an index as it is made, since of millions of folders it is long.
fn write_index(path: &Path, index: &Index) -> std::io::Result<()> {
    use std::io::{BufWriter, Write};
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::create(path)?;
    let mut out = BufWriter::new(&file);
    out.write_all(MAGIC)?;
    out.write_all(&[0; blake3::OUT_LEN])?;
    let signed = postcard::to_io(index, Signing { out, hasher: blake3::Hasher::new() });
    let Signing { mut out, hasher } = signed.map_err(std::io::Error::other)?;
    out.flush()?;
    file.write_all_at(hasher.finalize().as_bytes(), MAGIC.len() as u64)
}

/// Digests what is written through it.
struct Signing<W> {
    out: W,
    hasher: blake3::Hasher,
}

impl<W: std::io::Write> std::io::Write for Signing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// A manifest that is complete and not yet committed.
#[derive(Debug)]
pub struct Finished {
    folder: PathBuf,
    name: String,
    manifest: Manifest,
}

impl Finished {
    /// Returns the manifest for reading.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Says that everything in it may have changed since without its stamp showing it.
    pub(crate) fn doubt(&mut self) {
        self.manifest.index.is_doubtful = true;
    }

    /// Puts it in the place of the old one.
    pub fn commit(self) -> Result<Manifest> {
        let failed = |error| fail::system_io("committing the manifest", &error);
        let Manifest { index, pages, blocks } = &self.manifest;
        pages.settle().map_err(failed)?;
        blocks.store().settle().map_err(failed)?;
        let made = self.folder.join(format!("{}.new", self.name));
        write_index(&made, index).map_err(failed)?;
        std::fs::rename(made, self.folder.join(&self.name)).map_err(failed)?;
        store::remove_all_but(&self.folder, &self.name, PAGES, Some(pages.name())).map_err(failed)?;
        store::remove_all_but(&self.folder, &self.name, blocks::KIND, Some(blocks.store().name())).map_err(failed)?;
        Ok(self.manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry of which one number tells what is in it.
    fn entry(name: usize, content: u8) -> Entry {
        let name = format!("{name:04}").into_bytes();
        Entry { kind: Kind::Regular, content: Digest([content; 32]), ..Entry::marker(&name) }
    }

    fn contents(count: usize) -> Vec<Entry> {
        (0..count).map(|name| entry(name, 1)).collect()
    }

    /// Makes a manifest of one directory from pages, which come in this order.
    fn make(folder: &Path, pages: &[&[Entry]], old: Option<&Arc<Manifest>>) -> Arc<Manifest> {
        let writer = Writer::new(folder, "manifest", old.cloned()).expect("a manifest");
        for page in pages {
            writer.put(b"folder", page).expect("a page");
        }
        Arc::new(writer.finish(Origin::default()).and_then(Finished::commit).expect("a manifest"))
    }

    fn root_of_all(entries: &[Entry]) -> Digest {
        let folder = tempfile::tempdir().expect("a folder");
        make(folder.path(), &[entries], None).root()
    }

    #[test]
    fn what_the_old_manifest_had_makes_no_difference_to_the_root() {
        let folder = tempfile::tempdir().expect("a folder");
        let entries = contents(300);
        let old = make(folder.path(), &[&entries[..100], &entries[100..200], &entries[200..]], None);
        assert_eq!(old.root(), root_of_all(&entries));
        for (what, changed) in [("first", 0), ("within", 150), ("last", 299)] {
            let mut entries = entries.clone();
            entries[changed] = entry(changed, 2);
            let new = make(folder.path(), &[&entries[200..], &entries[..100], &entries[100..200]], Some(&old));
            assert_eq!(new.root(), root_of_all(&entries), "{what}");
            assert_ne!(new.root(), old.root(), "{what}");
        }
        let otherwise_cut = make(folder.path(), &[&entries[..150], &entries[150..]], Some(&old));
        assert_eq!(otherwise_cut.root(), old.root());
        let fewer = make(folder.path(), &[&entries[..100], &entries[100..200]], Some(&old));
        assert_eq!(fewer.root(), root_of_all(&entries[..200]));
    }

    #[test]
    fn pages_that_overlap_are_digested_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let entries = contents(10);
        let (odd, even): (Vec<(usize, Entry)>, Vec<_>) = entries.iter().cloned().enumerate().partition(|(index, _)| index % 2 == 1);
        let [odd, even] = [odd, even].map(|part| part.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>());
        let old = make(folder.path(), &[&odd, &even], None);
        assert_eq!(old.root(), root_of_all(&entries));
        assert_eq!(make(folder.path(), &[&even, &odd], Some(&old)).root(), old.root());
        assert_eq!(old.entries_of(b"folder").expect("entries"), entries);
    }

    #[test]
    fn only_a_page_that_is_the_same_byte_for_byte_is_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let entries = contents(20);
        let old = make(folder.path(), &[&entries[..10], &entries[10..]], None);
        let known = |directory: &[u8], entries: &[Entry]| {
            let bytes = postcard::to_stdvec(entries).expect("bytes");
            old.page_of(directory, &entries[0].name, &bytes).expect("read").map(|page| page.proof)
        };
        assert_eq!(known(b"folder", &entries[10..]), Some(proof_of(&entries[10..])));
        assert_eq!(known(b"folder", &entries[10..15]), None);
        assert_eq!(known(b"folder", &entries[5..15]), None);
        assert_eq!(known(b"another", &entries[10..]), None);
        let mut hot = entries[10..].to_vec();
        hot[5].is_hot = true;
        assert_eq!(known(b"folder", &hot), None);
    }

    #[test]
    fn pages_that_are_as_they_were_are_not_written_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut entries = contents(30);
        let old = make(folder.path(), &[&entries[..10], &entries[10..20], &entries[20..]], None);
        let length = old.pages.end();
        let same = make(folder.path(), &[&entries[20..], &entries[..10], &entries[10..20]], Some(&old));
        assert_eq!((same.pages.end(), same.entries_of(b"folder").expect("entries")), (length, entries.clone()));
        entries[15] = entry(15, 2);
        let new = make(folder.path(), &[&entries[..10], &entries[10..20], &entries[20..]], Some(&same));
        assert_eq!(new.pages.end(), length / 3 * 4);
        let opened = Manifest::open(folder.path(), "manifest").expect("a manifest");
        assert_eq!(opened.entries_of(b"folder").expect("entries"), entries);
        assert_eq!(old.entries_of(b"folder").expect("entries"), contents(30));
    }

    #[test]
    fn what_earlier_ones_left_is_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut manifest = make(folder.path(), &[&contents(10)], None);
        let length = manifest.pages.end();
        for content in 0..10 {
            let entries: Vec<Entry> = (0..10).map(|name| entry(name, content)).collect();
            manifest = make(folder.path(), &[&entries], Some(&manifest));
            assert!(manifest.pages.end() <= 3 * length);
            assert_eq!(manifest.entries_of(b"folder").expect("entries"), entries);
            assert_eq!(names(folder.path()).len(), 3, "what is not needed any more is gone");
        }
    }

    fn names(folder: &Path) -> Vec<std::ffi::OsString> {
        let mut names: Vec<_> = std::fs::read_dir(folder).expect("names").map(|found| found.expect("a name").file_name()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_manifest_takes_the_place_of_the_old_one_which_can_still_be_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = make(folder.path(), &[&contents(10)], None);
        // As a process leaves them that dies while it makes one.
        std::fs::write(folder.path().join("manifest.new"), vec![1; 1 << 16]).expect("written");
        let opened = Arc::new(Manifest::open(folder.path(), "manifest").expect("a manifest"));
        let broken_off = Writer::new(folder.path(), "manifest", Some(Arc::clone(&opened))).expect("a manifest");
        broken_off.put(b"folder", &contents(15)).expect("a page");
        drop((broken_off, opened));
        let opened = Arc::new(Manifest::open(folder.path(), "manifest").expect("a manifest"));
        assert_eq!(opened.entries_of(b"folder").expect("entries"), contents(10));
        let new = make(folder.path(), &[&contents(20)], Some(&opened));
        assert_eq!(old.entries_of(b"folder").expect("entries").len(), 10);
        assert_eq!(Manifest::open(folder.path(), "manifest").expect("a manifest").root(), new.root());
        assert_eq!(new.entries_of(b"folder").expect("entries"), contents(20));
        assert_eq!(names(folder.path()), ["manifest", "manifest.0.blocks", "manifest.1.pages"]);
    }

    #[test]
    fn passes_that_break_off_again_and_again_leave_no_more_than_one() {
        let folder = tempfile::tempdir().expect("a folder");
        for _ in 0..5 {
            let broken_off = Writer::new(folder.path(), "manifest", None).expect("a manifest");
            broken_off.put(b"folder", &contents(10)).expect("a page");
        }
        assert_eq!(names(folder.path()), ["manifest.0.blocks", "manifest.0.pages"]);
        let committed = make(folder.path(), &[&contents(10)], None);
        for _ in 0..5 {
            Writer::new(folder.path(), "manifest", Some(Arc::clone(&committed))).expect("a manifest");
        }
        assert_eq!(names(folder.path()).len(), 3);
    }

    #[test]
    fn a_manifest_whose_pages_or_index_are_cut_off_is_not_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = make(folder.path(), &[&contents(10)], None);
        for name in ["manifest.0.pages", "manifest"] {
            let path = folder.path().join(name);
            let bytes = std::fs::read(&path).expect("the file");
            std::fs::write(&path, &bytes[..bytes.len() - 1]).expect("cut off");
            assert!(Manifest::open(folder.path(), "manifest").is_none(), "{name}");
            std::fs::write(&path, bytes).expect("whole again");
        }
        assert_eq!(Manifest::open(folder.path(), "manifest").expect("a manifest").root(), whole.root());
    }
}
