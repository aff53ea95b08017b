//! A manifest in the making, and its place among those before it.
//!
//! Pages that are as they were are neither written nor digested again. What is read of a volume is decided elsewhere.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::blocks::{self, Blocks};
use super::entry::{Entry, proof_of};
use super::index::{self, DirectoryAt, Index, PageAt, root_of};
use super::reader::{Manifest, read_page};
use super::store::{self, Store};
use crate::mover::disk::origin::VolumeOrigin;
use crate::mover::ground::digest::Digest;
use crate::mover::ground::fail::{self, Result};

const PAGES: &str = "pages";

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

    /// Ends the manifest without putting it in the place of the old one, which [`Draft::commit`] does.
    pub fn finish(self, origin: VolumeOrigin) -> Result<Draft> {
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
        Ok(Draft { folder: self.folder, name: self.name, manifest: Manifest { index, pages: self.pages, blocks: self.blocks } })
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

/// A manifest that is complete and not yet committed.
#[derive(Debug)]
pub struct Draft {
    folder: PathBuf,
    name: String,
    manifest: Manifest,
}

impl Draft {
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
        index::write(&made, index).map_err(failed)?;
        std::fs::rename(made, self.folder.join(&self.name)).map_err(failed)?;
        store::remove_all_but(&self.folder, &self.name, PAGES, Some(pages.name())).map_err(failed)?;
        store::remove_all_but(&self.folder, &self.name, blocks::KIND, Some(blocks.store().name())).map_err(failed)?;
        Ok(self.manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mover::disk::stat::EntryKind;

    /// An entry of which one number tells what is in it.
    fn entry(name: usize, content: u8) -> Entry {
        let name = format!("{name:04}").into_bytes();
        Entry { kind: EntryKind::Regular, content: Digest([content; 32]), ..Entry::marker(&name) }
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
        Arc::new(writer.finish(VolumeOrigin::default()).and_then(Draft::commit).expect("a manifest"))
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
