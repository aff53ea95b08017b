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
use super::early::Early;
use super::flush::Flush;
use super::touched::Touched;
use crate::contract::orders::Reason;
use crate::mover::disk::buffer::Buffer;
use crate::mover::disk::lend;
use crate::mover::disk::metadata::{self, Kind, Metadata};
use crate::mover::disk::quiet;
use crate::mover::disk::tree::{self, Tree};
use crate::mover::disk::volume::Place;
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::path;
use crate::mover::ground::progress::Progress;
use crate::mover::manners::pace::Pace;
use crate::mover::pass::target::TargetVolume;

/// One pass of changes to one volume.
pub struct Apply {
    volume: Arc<TargetVolume>,
    remembers: bool,
    progress: Arc<Progress>,
    /// The device past the page cache, if it is one that can be written so.
    direct: Option<OwnedFd>,
    /// Reads back what is written, in a first pass.
    early: Option<Arc<Early>>,
    /// Flushes small files; none for a device, and where it cannot be had, which only leaves more to the sync at the end.
    flush: Option<Flush>,
    large: Mutex<HashMap<u64, Arc<Mutex<Large>>>>,
}

/// A large file that is being written.
#[derive(Default)]
struct Large {
    opened: Option<OpenFile>,
    written: u64,
    end: Option<(Metadata, u64, u64)>,
}

/// The directory that was used last by a thread; most changes come directory by directory.
#[derive(Debug, Default)]
struct LastDirectory(Option<(Vec<u8>, Arc<OwnedFd>)>);

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
    pub fn new(volume: Arc<TargetVolume>, remembers: bool, early: Option<Arc<Early>>, progress: Arc<Progress>) -> Apply {
        let (direct, flush) = match volume.place() {
            Place::Tree(tree) => (None, Flush::begin(tree).ok()),
            Place::Device(device) => (quiet::open_direct(device.as_fd(), OFlags::RDWR), None),
        };
        Apply { volume, remembers, progress, direct, early, flush, large: Mutex::default() }
    }

    /// Returns what reads back what is written, in a first pass.
    #[must_use]
    pub fn early(&self) -> Option<&Early> {
        self.early.as_deref()
    }

    fn touched(&self) -> Option<&Touched> {
        self.remembers.then(|| self.volume.touched())
    }

    /// Carries out one change. Its paths must have been checked to stay beneath the root by their words.
    pub fn apply(&self, item: &Item, pieces: &[Piece<'_>], desk: &mut Desk) -> Result<()> {
        self.volume.change();
        match self.volume.place() {
            Place::Tree(tree) => self.apply_to_tree(tree, item, pieces, desk),
            Place::Device(device) => self.apply_to_device(device.as_fd(), item, pieces, &mut desk.buffer),
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
        let within = Within { tree, last: &mut desk.last, buffer: &mut desk.buffer };
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
        self.volume.times().map_or(Ok(()), |times| times.check(metadata, path))
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

    fn create(&self, mut within: Within<'_, '_>, path: &[u8], metadata: &Metadata, size: u64, pieces: &[Piece<'_>]) -> Result<()> {
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

    fn patch(&self, mut within: Within<'_, '_>, path: &[u8], metadata: &Metadata, size: u64, pieces: &[Piece<'_>]) -> Result<()> {
        self.touch(path);
        let file = within.open_file(path)?;
        Writable::file(file.as_fd(), path).write(pieces, within.buffer)?;
        resize(file.as_fd(), size, path)?;
        self.count_small(pieces);
        self.set(file.as_fd(), metadata, path)
    }

    fn dress(&self, mut within: Within<'_, '_>, path: &[u8], metadata: &Metadata) -> Result<()> {
        self.touch(path);
        let file = within.open_file(path)?;
        self.set(file.as_fd(), metadata, path)
    }

    fn segment(&self, mut within: Within<'_, '_>, number: u64, path: &[u8], is_new: bool, index: u64, pieces: &[Piece<'_>]) -> Result<()> {
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

    fn finish(&self, mut within: Within<'_, '_>, number: u64, path: &[u8], is_new: bool, end: (Metadata, u64, u64)) -> Result<()> {
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

    fn large_file(&self, number: u64) -> Result<Arc<Mutex<Large>>> {
        let mut large = self.large.lock().expect("no thread panics while it holds this lock");
        if large.len() >= LARGE_FILES_MAX && !large.contains_key(&number) {
            return Err(fail::peer("too many large files were begun and not ended"));
        }
        Ok(Arc::clone(large.entry(number).or_default()))
    }

    fn complete(&self, number: u64, state: &mut Large, path: &[u8]) -> Result<()> {
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
            let seen = metadata::see(opened.as_fd()).map_err(|errno| fail::at_target("looking at", path, errno))?;
            early.complete(number, path, seen.stamp);
        }
        Ok(())
    }

    fn special(&self, mut within: Within<'_, '_>, path: &[u8], metadata: &Metadata) -> Result<()> {
        self.touch(path);
        let (_, name) = path::split(path);
        let parent = within.make(path, |parent| make_special(parent, name, metadata))?;
        self.check(metadata, path)?;
        metadata::set_at(parent.as_fd(), name, metadata, path)
    }

    fn directory(&self, mut within: Within<'_, '_>, path: &[u8]) -> Result<()> {
        self.progress.entries_changed.add(1);
        within.make_directory(path)
    }

    fn dress_directory(&self, tree: &Tree, path: &[u8], metadata: &Metadata) -> Result<()> {
        let directory = lend::open_directory(tree, path).map_err(|errno| fail::at_target("opening the directory", path, errno))?;
        self.set(directory.as_fd(), metadata, path)
    }

    fn link(&self, mut within: Within<'_, '_>, path: &[u8], to: &[u8]) -> Result<()> {
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

    fn delete(&self, mut within: Within<'_, '_>, path: &[u8]) -> Result<()> {
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
fn open_large(state: &mut Large, within: &mut Within<'_, '_>, path: &[u8], is_new: bool) -> Result<OpenFile> {
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
        Kind::Symlink => return rustix::fs::symlinkat(metadata.link.as_slice(), parent, name),
        Kind::Fifo => FileType::Fifo,
        Kind::Socket => FileType::Socket,
        Kind::CharDevice => FileType::CharacterDevice,
        Kind::BlockDevice => FileType::BlockDevice,
        Kind::Regular | Kind::Directory => return Err(Errno::INVAL),
    };
    let mode = Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(parent, name, file_type, mode, rustix::fs::makedev(major, minor))
}

/// The tree with what the thread has of its own.
struct Within<'a, 'b> {
    tree: &'a Tree,
    last: &'b mut LastDirectory,
    buffer: &'b mut Buffer,
}

impl Within<'_, '_> {
    fn forget(&mut self, path: &[u8]) {
        let is_within = |directory: &[u8]| directory == path || directory.starts_with(&[path, b"/"].concat());
        if self.last.0.as_ref().is_some_and(|(directory, _)| is_within(directory)) {
            self.last.0 = None;
        }
    }

    /// Opens the directory of a path, making it where it is not there yet: its own change may come later on another lane.
    fn parent(&mut self, path: &[u8]) -> Result<Arc<OwnedFd>> {
        let (directory, _) = path::split(path);
        if let Some((known, opened)) = &self.last.0
            && known == directory
        {
            return Ok(Arc::clone(opened));
        }
        let opened = match lend::open_directory(self.tree, directory) {
            Err(Errno::NOENT | Errno::NOTDIR) => {
                self.make_directory(directory)?;
                lend::open_directory(self.tree, directory)
            }
            other => other,
        };
        let opened = Arc::new(opened.map_err(|errno| fail::at_target("opening the directory", directory, errno))?);
        self.last.0 = Some((directory.to_vec(), Arc::clone(&opened)));
        Ok(opened)
    }

    /// Makes something new under a path, in the place of whatever is there.
    fn make<T>(&mut self, path: &[u8], make: impl Fn(BorrowedFd<'_>) -> rustix::io::Result<T>) -> Result<Arc<OwnedFd>> {
        self.make_and_keep(path, make).map(|(parent, _)| parent)
    }

    fn make_and_keep<T>(&mut self, path: &[u8], make: impl Fn(BorrowedFd<'_>) -> rustix::io::Result<T>) -> Result<(Arc<OwnedFd>, T)> {
        let mut parent = self.parent(path)?;
        let mut made = lend::in_directory(parent.as_fd(), || make(parent.as_fd()));
        // The directory that was used last may have been removed since.
        if matches!(made, Err(Errno::NOENT)) {
            self.last.0 = None;
            parent = self.parent(path)?;
            made = lend::in_directory(parent.as_fd(), || make(parent.as_fd()));
        }
        if matches!(made, Err(Errno::EXIST)) {
            self.forget(path);
            remove(self.tree, path, false)?;
            made = make(parent.as_fd());
        }
        let made = made.map_err(|errno| match errno {
            // Making devices needs a permission that nothing else here does.
            Errno::PERM | Errno::OPNOTSUPP => fail::keeping("making", path, errno),
            errno => fail::at_target("making", path, errno),
        })?;
        Ok((parent, made))
    }

    fn make_file(&mut self, path: &[u8]) -> Result<OwnedFd> {
        let (_, name) = path::split(path);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let make = |parent: BorrowedFd<'_>| rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o600));
        self.make_and_keep(path, make).map(|(_, file)| file)
    }

    /// Opens a regular file that must be there.
    fn open_file(&mut self, path: &[u8]) -> Result<OwnedFd> {
        let (_, name) = path::split(path);
        let parent = self.parent(path)?;
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let failed = |errno| fail::at_target("opening", path, errno);
        let file = lend::open_file(parent.as_fd(), name, flags).map_err(failed)?;
        match metadata::see(file.as_fd()).map_err(failed)?.kind {
            Kind::Regular => Ok(file),
            _ => Err(Halt::new(Reason::System, format!("`{}` is not the file it was", path::shown(path)))),
        }
    }

    fn make_directory(&mut self, path: &[u8]) -> Result<()> {
        let failed = |errno| fail::at_target("making the directory", path, errno);
        let mut parent: Option<OwnedFd> = None;
        let mut done = Vec::new();
        for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
            let at = parent.as_ref().map_or(self.tree.root(), AsFd::as_fd);
            done = path::join(&done, name);
            let next = match open_or_make_directory(at, name) {
                Err(Errno::NOTDIR) => {
                    // Another lane may be doing the same, so that it may be gone or a directory by now.
                    let removed = lend::in_directory(at, || rustix::fs::unlinkat(at, name, AtFlags::empty()));
                    if !matches!(removed, Ok(()) | Err(Errno::NOENT | Errno::ISDIR)) {
                        return Err(failed(Errno::NOTDIR));
                    }
                    open_or_make_directory(at, name)
                }
                other => other,
            };
            parent = Some(next.map_err(failed)?);
        }
        Ok(())
    }

    fn is_same(&mut self, path: &[u8], from: BorrowedFd<'_>, carrier: &[u8]) -> bool {
        let (_, name) = path::split(path);
        let Ok(parent) = self.parent(path) else {
            return false;
        };
        match (metadata::see_at(parent.as_fd(), name), metadata::see_at(from, carrier)) {
            (Ok(one), Ok(other)) => one.stamp.inode == other.stamp.inode,
            _ => false,
        }
    }
}

fn open_or_make_directory(parent: BorrowedFd<'_>, name: &[u8]) -> rustix::io::Result<OwnedFd> {
    let open = || lend::open_directory_at(parent, name);
    let opened = match open() {
        Err(Errno::NOENT) => match lend::in_directory(parent, || rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o700))) {
            Ok(()) | Err(Errno::EXIST) => open(),
            Err(errno) => Err(errno),
        },
        other => other,
    };
    opened.map_err(|errno| if errno == Errno::LOOP { Errno::NOTDIR } else { errno })
}

/// Removes an entry with all beneath it, or if it is a folder that stays only that; that it is not there is fine.
fn remove(tree: &Tree, path: &[u8], stays: bool) -> Result<()> {
    let failed = |path: &[u8], errno| fail::at_target("removing", path, errno);
    let mut stack = vec![(path.to_vec(), false)];
    while let Some((path, is_emptied)) = stack.pop() {
        if is_emptied && stays && stack.is_empty() {
            break;
        }
        let (directory, name) = path::split(&path);
        let parent = match lend::open_directory(tree, directory) {
            Err(Errno::NOENT | Errno::NOTDIR) => continue,
            other => other.map_err(|errno| failed(&path, errno))?,
        };
        let flags = if is_emptied { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        match lend::in_directory(parent.as_fd(), || rustix::fs::unlinkat(parent.as_fd(), name, flags)) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR) if !is_emptied => empty(tree, path, &mut stack)?,
            Err(errno) => return Err(failed(&path, errno)),
        }
    }
    Ok(())
}

/// Removes what is directly in a directory, and puts its directories on the stack before itself.
fn empty(tree: &Tree, path: Vec<u8>, stack: &mut Vec<(Vec<u8>, bool)>) -> Result<()> {
    let failed = |errno| fail::at_target("removing what is in", &path, errno);
    let directory = lend::open_directory(tree, &path).map_err(failed)?;
    let names = tree::list_names(directory.as_fd(), false).map_err(failed)?;
    let mut beneath = Vec::new();
    for name in names {
        match lend::in_directory(directory.as_fd(), || rustix::fs::unlinkat(directory.as_fd(), name.as_slice(), AtFlags::empty())) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR) => beneath.push((path::join(&path, &name), false)),
            Err(errno) => return Err(failed(errno)),
        }
    }
    stack.push((path, true));
    stack.extend(beneath);
    Ok(())
}

/// The lane within one process: changes are carried out at once, by the thread that found them.
pub struct Direct {
    apply: Arc<Apply>,
    desk: Desk,
    pace: Option<Arc<Pace>>,
}

impl Direct {
    /// Returns a lane to this pass, not faster than this pace.
    #[must_use]
    pub fn new(apply: Arc<Apply>, pace: Option<Arc<Pace>>) -> Direct {
        Direct { apply, desk: Desk::default(), pace }
    }
}

impl Lane for Direct {
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
    use super::*;
    use crate::contract::orders::VolumeMode;

    #[test]
    fn small_files_that_are_made_or_changed_are_to_be_flushed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("target");
        std::fs::create_dir(&root).expect("a folder");
        let volume = Arc::new(TargetVolume::at(&root, VolumeMode::Filesystem, &folder.path().join("state")).expect("a volume"));
        let apply = volume.apply(&Arc::default());
        let like = tempfile::tempfile().expect("a file");
        let metadata = metadata::see(like.as_fd()).and_then(|seen| metadata::read(like.as_fd(), &seen)).expect("its metadata");
        let (path, size) = (b"small".to_vec(), 7);
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
