//! Carries out changes at the target: makes, writes, links, dresses and removes what the source said.
//!
//! The target is not in use, so that nothing need be atomic: what a broken pass leaves behind is found by the next one.
//! Therefore nothing here is believed to be on the disk, though small files are on their way there meanwhile.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::change::{Item, Lane, Piece};
use super::content::{OpenFile, Writable};
use super::early::EarlyReader;
use super::flush::Flush;
use super::slate::Slate;
use super::touched::TouchedPaths;
use super::within::{LastDirectory, NamesWithin, remove};
use crate::mover::disk::buffer::Buffer;
use crate::mover::disk::direct;
use crate::mover::disk::lend;
use crate::mover::disk::metadata::{self, Metadata};
use crate::mover::disk::stat::{self, EntryKind};
use crate::mover::disk::tree::{self, Tree};
use crate::mover::disk::volume::VolumeData;
use crate::mover::ground::fail::{self, Result};
use crate::mover::ground::path;
use crate::mover::ground::progress::Progress;
use crate::mover::manners::pace::Pace;

/// One pass of changes to one volume.
pub struct Apply {
    slate: Arc<Slate>,
    remembers: bool,
    progress: Arc<Progress>,
    /// The device past the page cache, if it is one that can be written so.
    direct: Option<OwnedFd>,
    /// Reads back what is written, in a first pass.
    early: Option<Arc<EarlyReader>>,
    /// Flushes small files; none for a device, and where it cannot be had, which only leaves more to the sync at the end.
    flush: Option<Flush>,
    large: Mutex<HashMap<u64, Arc<Mutex<LargeWrite>>>>,
}

/// A large file that is being written.
#[derive(Default)]
struct LargeWrite {
    opened: Option<OpenFile>,
    written: u64,
    end: Option<(Metadata, u64, u64)>,
}

/// What a thread that carries changes out has of its own.
#[derive(Debug, Default)]
pub struct Desk {
    last: LastDirectory,
    buffer: Buffer,
}

impl Desk {
    /// Forgets what another stage may take away.
    pub fn end_stage(&mut self) {
        self.last = LastDirectory::default();
    }
}

impl Apply {
    /// Returns a pass over this volume; touched paths are noted unless all will be read back anyway.
    #[must_use]
    pub fn new(slate: Arc<Slate>, remembers: bool, early: Option<Arc<EarlyReader>>, progress: Arc<Progress>) -> Apply {
        let (direct, flush) = match slate.data() {
            VolumeData::Tree(tree) => (None, Flush::begin(tree).ok()),
            VolumeData::Device(device) => (direct::open(device.as_fd(), OFlags::RDWR), None),
        };
        Apply { slate, remembers, progress, direct, early, flush, large: Mutex::default() }
    }

    /// Returns what reads back what is written, in a first pass.
    #[must_use]
    pub fn early(&self) -> Option<&EarlyReader> {
        self.early.as_deref()
    }

    fn touched(&self) -> Option<&TouchedPaths> {
        self.remembers.then(|| self.slate.touched())
    }

    /// Carries out one change. Its paths must have been checked to stay beneath the root by their words.
    pub fn apply(&self, item: &Item, pieces: &[Piece<'_>], desk: &mut Desk) -> Result<()> {
        self.slate.change();
        match self.slate.data() {
            VolumeData::Tree(tree) => self.apply_to_tree(tree, item, pieces, desk),
            VolumeData::Device(device) => self.apply_to_device(device.as_fd(), item, pieces, &mut desk.buffer),
        }
    }

    fn apply_to_device(&self, device: BorrowedFd<'_>, item: &Item, pieces: &[Piece<'_>], buffer: &mut Buffer) -> Result<()> {
        let Item::Segment { index, .. } = item else {
            return Err(fail::peer("a device was sent a change that is not a segment"));
        };
        if let Some(touched) = self.touched() {
            touched.add_segment(b"", *index, pieces);
        }
        self.count(pieces);
        Writable::device(device, self.direct.as_ref().map(AsFd::as_fd)).write(pieces, buffer)
    }

    fn apply_to_tree(&self, tree: &Tree, item: &Item, pieces: &[Piece<'_>], desk: &mut Desk) -> Result<()> {
        let within = NamesWithin { tree, last: &mut desk.last, buffer: &mut desk.buffer };
        match item {
            Item::Create { path, metadata, size } => self.create(within, path, metadata, *size, pieces),
            Item::Patch { path, metadata, size } => self.patch(within, path, metadata, *size, pieces),
            Item::Segment { file, path, is_new, index } => self.segment(within, *file, path, *is_new, *index, pieces),
            Item::Finish { file, path, is_new, metadata, size, segments } => {
                let end = (metadata.clone(), *size, *segments);
                self.finish(within, *file, path, *is_new, end)
            }
            Item::Dress { path, metadata } => self.dress(within, path, metadata),
            Item::Special { path, metadata } => self.special(within, path, metadata),
            Item::Directory { path } => self.directory(within, path),
            Item::DressDirectory { path, metadata } => self.dress_directory(tree, path, metadata),
            Item::Link { path, to } => self.link(within, path, to),
            Item::Delete { path } => self.delete(within, path),
        }
    }

    /// Sets everything on what is open, if all of it can be kept.
    fn set(&self, file: BorrowedFd<'_>, metadata: &Metadata, path: &[u8]) -> Result<()> {
        self.check(metadata, path)?;
        metadata::set(file, metadata, path)
    }

    fn check(&self, metadata: &Metadata, path: &[u8]) -> Result<()> {
        self.slate.times().map_or(Ok(()), |times| times.check(metadata, path))
    }

    fn count(&self, pieces: &[Piece<'_>]) {
        let written = pieces.iter().filter(|piece| piece.bytes.is_some()).map(|piece| piece.length).sum();
        self.progress.bytes_changed.add(written);
    }

    fn count_small(&self, pieces: &[Piece<'_>]) {
        self.count(pieces);
        if let Some(flush) = &self.flush {
            flush.note();
        }
    }

    fn touch(&self, path: &[u8]) {
        if let Some(touched) = self.touched() {
            touched.add(path);
        }
        self.forget_early(path);
        self.progress.entries_changed.add(1);
    }

    fn forget_early(&self, path: &[u8]) {
        if let Some(early) = self.early() {
            early.forget(path);
        }
    }

    fn create(&self, mut within: NamesWithin<'_, '_>, path: &[u8], metadata: &Metadata, size: u64, pieces: &[Piece<'_>]) -> Result<()> {
        self.touch(path);
        let file = within.make_file(path)?;
        Writable::file(file.as_fd(), path).write(pieces, within.buffer)?;
        let written_to = pieces.last().map_or(0, |piece| piece.offset + piece.length);
        if written_to != size {
            resize(file.as_fd(), size, path)?;
        }
        self.count_small(pieces);
        self.set(file.as_fd(), metadata, path)
    }

    fn patch(&self, mut within: NamesWithin<'_, '_>, path: &[u8], metadata: &Metadata, size: u64, pieces: &[Piece<'_>]) -> Result<()> {
        self.touch(path);
        let file = within.open_file(path)?;
        Writable::file(file.as_fd(), path).write(pieces, within.buffer)?;
        resize(file.as_fd(), size, path)?;
        self.count_small(pieces);
        self.set(file.as_fd(), metadata, path)
    }

    fn dress(&self, mut within: NamesWithin<'_, '_>, path: &[u8], metadata: &Metadata) -> Result<()> {
        self.touch(path);
        let file = within.open_file(path)?;
        self.set(file.as_fd(), metadata, path)
    }

    fn segment(
        &self,
        mut within: NamesWithin<'_, '_>,
        number: u64,
        path: &[u8],
        is_new: bool,
        index: u64,
        pieces: &[Piece<'_>],
    ) -> Result<()> {
        let large = self.large_file(number)?;
        if let Some(touched) = self.touched() {
            touched.add_segment(path, index, pieces);
        }
        // Held while writing: the kernel lets one thread at a time write to a file anyway, and has the others spin meanwhile.
        let mut state = large.lock().expect("no thread panics while it holds this lock");
        if let Some(early) = self.early() {
            early.expect(number, index, path);
        }
        let opened = open_large(&mut state, &mut within, path, is_new)?;
        opened.writable(path).write(pieces, within.buffer)?;
        if let (Some(early), Some(direct)) = (self.early(), &opened.direct) {
            early.offer(number, index, pieces, direct);
        }
        self.count(pieces);
        state.written += 1;
        self.complete(number, &mut state, path)
    }

    fn finish(&self, mut within: NamesWithin<'_, '_>, number: u64, path: &[u8], is_new: bool, end: (Metadata, u64, u64)) -> Result<()> {
        let large = self.large_file(number)?;
        match self.touched() {
            Some(touched) if is_new => touched.add(path),
            Some(touched) => touched.add_metadata(path),
            None => {}
        }
        self.progress.entries_changed.add(1);
        let mut state = large.lock().expect("no thread panics while it holds this lock");
        open_large(&mut state, &mut within, path, is_new)?;
        state.end = Some(end);
        self.complete(number, &mut state, path)
    }

    fn large_file(&self, number: u64) -> Result<Arc<Mutex<LargeWrite>>> {
        let mut large = self.large.lock().expect("no thread panics while it holds this lock");
        if large.len() >= LARGE_FILES_MAX && !large.contains_key(&number) {
            return Err(fail::peer("too many large files were begun and not ended"));
        }
        Ok(Arc::clone(large.entry(number).or_default()))
    }

    fn complete(&self, number: u64, state: &mut LargeWrite, path: &[u8]) -> Result<()> {
        let Some((metadata, size, segments)) = &state.end else {
            return Ok(());
        };
        if state.written < *segments {
            return Ok(());
        }
        let opened = state.opened.take().expect("it is opened before anything is counted").file;
        self.large.lock().expect("no thread panics while it holds this lock").remove(&number);
        resize(opened.as_fd(), *size, path)?;
        self.set(opened.as_fd(), metadata, path)?;
        if let Some(early) = self.early() {
            let seen = stat::see(opened.as_fd()).map_err(|errno| fail::at_target("looking at", path, errno))?;
            early.complete(number, path, seen.stamp);
        }
        Ok(())
    }

    fn special(&self, mut within: NamesWithin<'_, '_>, path: &[u8], metadata: &Metadata) -> Result<()> {
        self.touch(path);
        let (_, name) = path::split(path);
        let parent = within.make(path, |parent| make_special(parent, name, metadata))?;
        self.check(metadata, path)?;
        metadata::set_at(parent.as_fd(), name, metadata, path)
    }

    fn directory(&self, mut within: NamesWithin<'_, '_>, path: &[u8]) -> Result<()> {
        self.progress.entries_changed.add(1);
        within.make_directory(path)
    }

    fn dress_directory(&self, tree: &Tree, path: &[u8], metadata: &Metadata) -> Result<()> {
        let directory = lend::open_directory(tree, path).map_err(|errno| fail::at_target("opening the directory", path, errno))?;
        self.set(directory.as_fd(), metadata, path)
    }

    fn link(&self, mut within: NamesWithin<'_, '_>, path: &[u8], to: &[u8]) -> Result<()> {
        let (directory, carrier) = path::split(to);
        let from = lend::open_directory(within.tree, directory).map_err(|errno| fail::at_target("opening the directory of", to, errno))?;
        if within.is_same(path, from.as_fd(), carrier) {
            return Ok(());
        }
        self.touch(path);
        let (_, name) = path::split(path);
        within.make(path, |parent| rustix::fs::linkat(from.as_fd(), carrier, parent, name, AtFlags::empty()))?;
        Ok(())
    }

    fn delete(&self, mut within: NamesWithin<'_, '_>, path: &[u8]) -> Result<()> {
        self.progress.entries_changed.add(1);
        self.forget_early(path);
        within.forget(path);
        // The file system's own folder for what a repair saves stays, with nothing in it.
        remove(within.tree, path, path == tree::LOST_AND_FOUND)
    }
}

/// More large files than this are never open at once, because the source works on few at a time.
const LARGE_FILES_MAX: usize = 512;

/// The pieces of a large file arrive on several lanes, in any order; whichever comes first opens it.
fn open_large(state: &mut LargeWrite, within: &mut NamesWithin<'_, '_>, path: &[u8], is_new: bool) -> Result<OpenFile> {
    if let Some(opened) = &state.opened {
        return Ok(opened.clone());
    }
    let opened = OpenFile::new(if is_new { within.make_file(path)? } else { within.open_file(path)? });
    state.opened = Some(opened.clone());
    Ok(opened)
}

fn resize(file: BorrowedFd<'_>, size: u64, path: &[u8]) -> Result<()> {
    rustix::fs::ftruncate(file, size).map_err(|errno| fail::at_target("setting the size of", path, errno))
}

fn make_special(parent: BorrowedFd<'_>, name: &[u8], metadata: &Metadata) -> rustix::io::Result<()> {
    let (major, minor) = metadata.device;
    let file_type = match metadata.kind {
        EntryKind::Symlink => return rustix::fs::symlinkat(metadata.link.as_slice(), parent, name),
        EntryKind::Fifo => FileType::Fifo,
        EntryKind::Socket => FileType::Socket,
        EntryKind::CharDevice => FileType::CharacterDevice,
        EntryKind::BlockDevice => FileType::BlockDevice,
        EntryKind::Regular | EntryKind::Directory => return Err(Errno::INVAL),
    };
    let mode = Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(parent, name, file_type, mode, rustix::fs::makedev(major, minor))
}

/// The lane within one process: changes are carried out at once, by the thread that found them.
pub struct DirectLane {
    apply: Arc<Apply>,
    desk: Desk,
    pace: Option<Arc<Pace>>,
}

impl DirectLane {
    /// Returns a lane to this pass, not faster than this pace.
    #[must_use]
    pub fn new(apply: Arc<Apply>, pace: Option<Arc<Pace>>) -> DirectLane {
        DirectLane { apply, desk: Desk::default(), pace }
    }
}

impl Lane for DirectLane {
    fn emit(&mut self, item: Item, pieces: &[Piece<'_>]) -> Result<()> {
        if let Some(pace) = &self.pace {
            pace.take(pieces.iter().filter(|piece| piece.bytes.is_some()).map(|piece| piece.length).sum());
        }
        self.apply.apply(&item, pieces, &mut self.desk)
    }

    fn end_stage(&mut self) -> Result<()> {
        self.desk.end_stage();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::contract::orders::VolumeMode;
    use crate::mover::ground::digest::SEGMENT_BYTES;

    /// A pass over an empty tree, which reads early as a first pass does, or does not.
    fn pass(folder: &Path, reads_early: bool) -> Apply {
        let root = folder.join("target");
        std::fs::create_dir(&root).expect("a folder");
        let slate = Slate::new(VolumeData::open(&root, VolumeMode::Filesystem, true).expect("a volume"));
        let early = reads_early.then(|| Arc::new(EarlyReader::begin(&folder.join("state")).expect("a file for digests")));
        Apply::new(Arc::new(slate), false, early, Arc::default())
    }

    fn metadata() -> Metadata {
        let like = tempfile::tempfile().expect("a file");
        stat::see(like.as_fd()).and_then(|seen| metadata::read(like.as_fd(), &seen)).expect("its metadata")
    }

    #[test]
    fn small_files_that_are_made_or_changed_are_to_be_flushed() {
        for reads_early in [false, true] {
            let folder = tempfile::tempdir().expect("a folder");
            let apply = pass(folder.path(), reads_early);
            let (path, size, metadata) = (b"small".to_vec(), 7, metadata());
            let piece = Piece { offset: 0, length: size, bytes: Some(b"content") };
            let create = Item::Create { path: path.clone(), metadata: metadata.clone(), size };
            let patch = Item::Patch { path: path.clone(), metadata: metadata.clone(), size };
            for item in [create, patch] {
                apply.apply(&item, &[piece], &mut Desk::default()).expect("written");
            }
            apply.apply(&Item::Dress { path, metadata }, &[], &mut Desk::default()).expect("dressed");
            assert_eq!(apply.flush.as_ref().map(Flush::waiting), Some(2));
        }
    }

    /// Where the file system reads past its cache; otherwise nothing is offered, and the look over the target reads it all.
    #[test]
    fn a_large_file_of_a_first_pass_is_read_early_until_it_is_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let apply = pass(folder.path(), true);
        let (file, path, is_new, metadata) = (1, b"large".to_vec(), true, metadata());
        let bytes = vec![7; SEGMENT_BYTES];
        let piece = Piece { offset: 0, length: SEGMENT_BYTES as u64, bytes: Some(&bytes) };
        let segment = Item::Segment { file, path: path.clone(), is_new, index: 0 };
        apply.apply(&segment, &[piece], &mut Desk::default()).expect("written");
        let end = Item::Finish { file, path: path.clone(), is_new, metadata: metadata.clone(), size: SEGMENT_BYTES as u64, segments: 1 };
        apply.apply(&end, &[], &mut Desk::default()).expect("ended");

        let made = std::fs::File::open(folder.path().join("target/large")).expect("it was made");
        let early = apply.early().expect("a first pass");
        let expected = usize::from(direct::is_direct(made.as_fd()));
        let began = std::time::Instant::now();
        while early.bytes_read() < (expected * SEGMENT_BYTES) as u64 {
            assert!(began.elapsed().as_secs() < 60, "the segment was not read");
            std::thread::yield_now();
        }
        let known = || early.segments(&path, stat::see(made.as_fd()).expect("it is there").stamp).len();
        assert_eq!(known(), expected);
        // It counts as large: the sync at the end writes what is left of it.
        assert_eq!(apply.flush.as_ref().map(Flush::waiting), Some(0));
        apply.apply(&Item::Dress { path: path.clone(), metadata }, &[], &mut Desk::default()).expect("dressed");
        assert_eq!(known(), 0);
    }
}
