//! One look over a volume, the same at both ends: walk it, tell what is unchanged from what must be read, digest that, write
//! the new manifest, and emit what differs.
//!
//! At the source the changes go to the target; at the target (the read-back after a pass) they go nowhere. A file counts as
//! unchanged only if this mover's own manifest has the same inode, size and both times *and* it was not hot then: a file
//! whose change time lies after the last sync before its pass began may have been written again without a new stamp, for
//! instance through a memory map. Size and modification time alone prove nothing here.
//!
//! How files are read is in [`super::large`], hard links are in [`super::links`]; nothing is written to a volume here.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use rustix::fs::StatxAttributes;
use rustix::io::Errno;

use super::flags;
use super::large::LargeFile;
use super::layers;
use super::links::Groups;
use super::small::{Page, SmallFile};
use crate::contract::orders::Reason;
use crate::mover::disk::buffer::Buffer;
use crate::mover::disk::metadata::{self, Kind, Metadata, Seen, Stamp, Time};
use crate::mover::disk::together::{Read, Together};
use crate::mover::disk::tree::{self, Tree};
use crate::mover::ground::digest::{Digest, SEGMENT_BYTES};
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::path;
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::ground::work::{self, Queue};
use crate::mover::manifest::known::{Known, Memory};
use crate::mover::manifest::reader::{Entry, PAGE_ENTRIES_MAX, Writer};
use crate::mover::manners::throttle::Throttle;
use crate::mover::write::change::{Item, Lane};
use crate::mover::write::early::Early;
use crate::mover::write::touched::Touched;

/// At which end, and under what conditions, a scan is made.
#[derive(Clone, Copy, Debug)]
pub enum Side<'a> {
    /// At the source; in a last pass nothing may change under it.
    Source {
        /// Whether the application is stopped.
        is_last: bool,
        /// Whether it is copied, so that what a copy cannot keep is refused, and not only looked at.
        is_copied: bool,
    },
    /// At the target, after its changes were synced: what was touched is read from the disk.
    Target {
        /// What this process wrote since the manifest was made.
        touched: &'a Touched,
        /// Whether it was this process that made the manifest, so that `touched` is all there is.
        knows_all: bool,
        /// What was read back while the pass ran.
        early: Option<&'a Early>,
    },
}

/// How the stamps of this file system are to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// When the pass began, just before the volume was synced.
    pub began: Time,
    /// Whether stamps prove nothing (network file systems: cached attributes, another machine's clock).
    pub is_foreign: bool,
}

const SLACK_NANOS: i128 = 20_000_000;
const COARSE_SLACK_NANOS: i128 = 2_000_000_000;

impl Clock {
    /// Returns whether something with this change time may change again without showing it.
    #[must_use]
    pub fn is_hot(&self, changed: Time) -> bool {
        // File systems that keep whole seconds show no nanoseconds.
        let slack = if changed.nanos == 0 { COARSE_SLACK_NANOS } else { SLACK_NANOS };
        self.is_foreign || nanos(changed) >= nanos(self.began) - slack
    }
}

fn nanos(time: Time) -> i128 {
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
}

/// What a thread of a scan has of its own.
pub struct Worker<'a> {
    /// Where its changes go.
    pub lane: Box<dyn Lane + 'a>,
    /// Holds one segment.
    pub buffer: Buffer,
    /// Reads much at once; none until it is needed, and none within where the kernel does not let us.
    together: Option<Option<Together>>,
    /// Rests after its reads; none: never.
    pub throttle: Option<Arc<Throttle>>,
}

impl<'a> Worker<'a> {
    /// Returns a worker for this lane.
    #[must_use]
    pub fn new(lane: Box<dyn Lane + 'a>) -> Worker<'a> {
        Worker { lane, buffer: Buffer::default(), together: None, throttle: None }
    }

    /// Reads many parts at once to their places in the buffer; returns how many bytes each brought, none for what has to be read by itself.
    pub(super) fn read_together(&mut self, reads: &[Read<'_>]) -> Vec<Option<usize>> {
        if reads.len() < 2 {
            return vec![None; reads.len()];
        }
        match self.together.get_or_insert_with(Together::new) {
            Some(together) => together.read(reads, self.buffer.padded()),
            None => vec![None; reads.len()],
        }
    }

    /// Says that it has read so much since then; it may have to rest now.
    pub(super) fn has_read(&self, bytes: u64, since: Instant, progress: &Progress) {
        let Some(throttle) = self.throttle.as_ref().filter(|_| bytes > 0) else {
            return;
        };
        let rest = throttle.note(bytes, since.elapsed());
        if !rest.is_zero() {
            std::thread::sleep(rest);
            progress.rested_us.add(rest.as_micros() as u64);
        }
    }
}

/// A directory as it was when it was opened.
#[derive(Debug)]
pub struct Directory {
    /// Its path.
    pub path: Vec<u8>,
    metadata: Metadata,
    is_touched: AtomicBool,
}

pub(super) struct Listed {
    directory: Arc<Directory>,
    opened: OwnedFd,
    seen: Seen,
    names: Vec<Vec<u8>>,
}

/// A unit of work.
pub(super) enum Task {
    Directory(Vec<u8>),
    Slice(Arc<Listed>, usize, usize),
    /// A large file, which is opened only when somebody has time for it.
    Large(Box<Subject>),
    /// A part in the work on a large file, which is not kept open for it.
    Segments(Weak<LargeFile>),
    Group(super::links::Group),
}

/// A scan underway.
pub struct Scan<'a> {
    /// The volume.
    pub tree: &'a Tree,
    /// What was known before.
    pub memory: &'a Memory,
    /// Where the new manifest is made.
    pub writer: &'a Writer,
    /// At which end.
    pub side: Side<'a>,
    /// How stamps are taken.
    pub clock: Clock,
    /// What is counted.
    pub progress: &'a Progress,
    /// Whether to end early.
    pub cancel: &'a Cancel,
    pub(super) groups: Groups,
    pub(super) numbers: AtomicU64,
    pub(super) threads: usize,
    /// The inode flags of the root.
    root: StatxAttributes,
    sees_all_attributes: bool,
    /// Each once, see [`Directory`].
    touched_directories: Mutex<Vec<Arc<Directory>>>,
}

impl<'a> Scan<'a> {
    /// Returns a scan that has not begun.
    #[must_use]
    pub fn new(
        tree: &'a Tree,
        memory: &'a Memory,
        writer: &'a Writer,
        side: Side<'a>,
        clock: Clock,
        progress: &'a Progress,
        cancel: &'a Cancel,
    ) -> Scan<'a> {
        Scan {
            tree,
            memory,
            writer,
            side,
            clock,
            progress,
            cancel,
            groups: Groups::default(),
            numbers: AtomicU64::new(1),
            threads: 0,
            root: metadata::see(tree.root()).map_or(StatxAttributes::empty(), |seen| seen.attributes),
            sees_all_attributes: layers::all_attributes_are_seen(),
            touched_directories: Mutex::default(),
        }
    }

    /// Looks over the whole volume. The stages follow one another at the target as they do here: contents and removals,
    /// then hard links, then the metadata of directories, which all the others disturb.
    pub fn run(mut self, workers: &mut [Worker<'_>]) -> Result<()> {
        self.threads = workers.len();
        let scan = &self;
        work::run(workers, vec![Task::Directory(Vec::new())], self.cancel, |task, worker, queue| scan.work(task, worker, queue))?;
        let groups = self.groups.gather();
        work::run(workers, groups, self.cancel, |task, worker, queue| scan.work(task, worker, queue))?;
        end_stage(workers)?;
        let settled = self.groups.settle(self.writer)?;
        for directory in settled.directories {
            self.touch(&directory);
        }
        work::run(workers, settled.links, self.cancel, |chunk, worker, _| emit_all(chunk, worker))?;
        end_stage(workers)?;
        let touched = std::mem::take(&mut *self.touched_directories.lock().expect("no thread panics while it holds this lock"));
        // Changes are made of them only as they are emitted: of millions of folders they would take much memory.
        let chunks = touched.chunks(PAGE_ENTRIES_MAX).collect();
        work::run(workers, chunks, self.cancel, |chunk: &[Arc<Directory>], worker, _| dress_all(chunk, worker))?;
        end_stage(workers)
    }

    fn work(&self, task: Task, worker: &mut Worker<'_>, queue: &Queue<Task>) -> Result<()> {
        match task {
            Task::Directory(path) => self.directory(path, worker, queue),
            Task::Slice(listed, from, to) => self.slice(&listed, from, to, worker, queue),
            Task::Large(subject) => self.large_file(*subject, worker, queue),
            Task::Segments(file) => file.upgrade().map_or(Ok(()), |file| self.segments(&file, worker)),
            Task::Group(group) => self.group(group, worker, queue),
        }
    }

    fn directory(&self, path: Vec<u8>, worker: &mut Worker<'_>, queue: &Queue<Task>) -> Result<()> {
        let listed = match self.list(&path) {
            Ok(listed) => Arc::new(listed),
            // Gone, or another thing now. Only its marker is in the manifest, and at the target nothing may remain of it.
            Err(Errno::NOENT | Errno::NOTDIR) if !path.is_empty() => {
                return self.vanished(path, worker);
            }
            Err(errno) => return Err(self.unreadable("reading the directory", &path, errno)),
        };
        self.check_can_be_kept(&listed.seen, &path)?;
        let count = listed.names.len();
        let later = (PAGE_ENTRIES_MAX..count).step_by(PAGE_ENTRIES_MAX);
        let slices = later.map(|from| Task::Slice(Arc::clone(&listed), from, count.min(from + PAGE_ENTRIES_MAX)));
        queue.push_all(slices);
        self.slice(&listed, 0, count.min(PAGE_ENTRIES_MAX), worker, queue)
    }

    fn list(&self, path: &[u8]) -> rustix::io::Result<Listed> {
        let opened = self.tree.open_directory(path)?;
        let seen = metadata::see(opened.as_fd())?;
        let read = if path.is_empty() { metadata::read_root } else { metadata::read };
        let metadata = read(opened.as_fd(), &seen)?;
        let names = tree::list_names(opened.as_fd(), path.is_empty())?;
        let directory = Arc::new(Directory { path: path.to_vec(), metadata, is_touched: AtomicBool::new(false) });
        Ok(Listed { directory, opened, seen, names })
    }

    fn slice(&self, listed: &Arc<Listed>, from: usize, to: usize, worker: &mut Worker<'_>, queue: &Queue<Task>) -> Result<()> {
        let directory = &listed.directory;
        let is_first = from == 0;
        let lower = if is_first { b"".as_slice() } else { listed.names[from].as_slice() };
        let upper = listed.names.get(to).map(Vec::as_slice);
        let mut known = self.memory.entries_between(&directory.path, lower, upper)?.into_iter().peekable();
        let mut page = Page::with_capacity(to - from + 1);
        if is_first {
            let own = known.next_if(|known| known.entry.name.is_empty());
            page.add(self.own_entry(listed, own.as_ref()));
        }
        for name in &listed.names[from..to] {
            self.cancel.check()?;
            while let Some(gone) = known.next_if(|known| known.entry.name < *name) {
                self.gone(directory, &gone.entry.name, worker)?;
            }
            let old = known.next_if(|known| known.entry.name == *name);
            self.examine(listed, name, old, &mut page, worker, queue)?;
        }
        for gone in known {
            self.gone(directory, &gone.entry.name, worker)?;
        }
        let entries = self.complete(page, worker)?;
        self.check_listing(listed)?;
        self.writer.put(&directory.path, &entries)
    }

    /// Makes the entry of the directory itself. It is always looked at in full, so that nothing need be believed.
    fn own_entry(&self, listed: &Listed, old: Option<&Known>) -> Entry {
        self.progress.entries.add(1);
        let metadata = listed.directory.metadata.digest();
        if old.is_none_or(|old| old.entry.metadata != metadata) {
            self.progress.entries_changed.add(1);
            self.touch(&listed.directory);
        }
        Entry { stamp: listed.seen.stamp, metadata, ..Entry::marker(b"") }
    }

    /// In a last pass, a directory that changed while it was looked through was not at rest.
    fn check_listing(&self, listed: &Listed) -> Result<()> {
        if !self.is_last() {
            return Ok(());
        }
        let path = &listed.directory.path;
        let after = metadata::see(listed.opened.as_fd()).map_err(|errno| self.unreadable("reading the directory", path, errno))?;
        if after.stamp != listed.seen.stamp {
            return Err(not_stopped(path));
        }
        Ok(())
    }

    fn examine(
        &self,
        listed: &Arc<Listed>,
        name: &[u8],
        old: Option<Known>,
        page: &mut Page,
        worker: &mut Worker<'_>,
        queue: &Queue<Task>,
    ) -> Result<()> {
        let directory = &listed.directory;
        let path = path::join(&directory.path, name);
        if path.len() > path::PATH_BYTES_MAX {
            return Err(Halt::new(Reason::CannotKeep, format!("the path `{}` is too long", path::shown(&path))));
        }
        let seen = match metadata::see_at(listed.opened.as_fd(), name) {
            Ok(seen) => seen,
            Err(Errno::NOENT) => return self.vanished_from(directory, path, old.is_some(), worker),
            Err(errno) => return Err(self.unreadable("looking at", &path, errno)),
        };
        self.check_can_be_kept(&seen, &path)?;
        if seen.kind == Kind::Directory {
            if old.is_none_or(|old| old.entry.kind != Kind::Directory) {
                self.emit(worker, directory, Item::Directory { path: path.clone() })?;
            }
            queue.push(Task::Directory(path));
            page.add(Entry::marker(name));
            return Ok(());
        }
        let subject = Subject { directory: Arc::clone(directory), path, seen, old: old.map(Box::new) };
        if seen.links > 1 {
            self.groups.defer(subject);
            return Ok(());
        }
        self.progress.entries.add(1);
        self.count_bytes(&subject.seen);
        if self.is_to_be_split(&subject) {
            queue.push(Task::Large(Box::new(subject)));
            return Ok(());
        }
        match self.entry(&subject, listed.opened.as_fd(), worker)? {
            Made::Entry(entry, _) => page.add(entry),
            Made::Small(file) => return self.add_small(page, subject, file, worker),
            Made::Vanished => return self.vanished_from(directory, subject.path, subject.old.is_some(), worker),
            // It grew just now.
            Made::Large(_) => queue.push(Task::Large(Box::new(subject))),
        }
        Ok(())
    }

    fn check_can_be_kept(&self, seen: &Seen, path: &[u8]) -> Result<()> {
        match self.side {
            Side::Source { is_copied: true, .. } => {
                flags::check(seen.attributes, self.root, path)?;
                if self.sees_all_attributes { Ok(()) } else { layers::check(seen, path) }
            }
            Side::Source { is_copied: false, .. } | Side::Target { .. } => Ok(()),
        }
    }

    pub(super) fn count_bytes(&self, seen: &Seen) {
        if seen.kind == Kind::Regular {
            self.progress.bytes.add(seen.stamp.size.min(seen.allocated.saturating_mul(512)));
        }
    }

    /// Returns whether this is a large file that has to be read.
    fn is_to_be_split(&self, subject: &Subject) -> bool {
        let is_large = subject.seen.kind == Kind::Regular && subject.seen.stamp.size > SEGMENT_BYTES as u64;
        is_large && self.unchanged(subject).is_none()
    }

    /// Opens a large file and works on it: so no more are open at once than there are threads.
    fn large_file(&self, subject: Subject, worker: &mut Worker<'_>, queue: &Queue<Task>) -> Result<()> {
        let parent = &subject.directory.path;
        let vanished =
            |subject: Subject, worker: &mut Worker<'_>| self.vanished_from(&subject.directory, subject.path, subject.old.is_some(), worker);
        let directory = match self.tree.open_directory(parent) {
            Ok(directory) => directory,
            Err(Errno::NOENT | Errno::NOTDIR) => return vanished(subject, worker),
            Err(errno) => return Err(self.unreadable("reading the directory", parent, errno)),
        };
        let entry = match self.entry(&subject, directory.as_fd(), worker)? {
            Made::Large(file) => return self.split(*file, worker, queue),
            Made::Vanished => return vanished(subject, worker),
            Made::Small(file) => self.small(&subject, &file, worker)?,
            Made::Entry(entry, _) => entry,
        };
        self.writer.put(parent, &[entry])
    }

    /// Works on a large file beside everybody who has time for it.
    pub(super) fn split(&self, file: LargeFile, worker: &mut Worker<'_>, queue: &Queue<Task>) -> Result<()> {
        let others = self.threads.min(usize::try_from(file.count()).unwrap_or(usize::MAX)).saturating_sub(1);
        let file = Arc::new(file);
        queue.push_all((0..others).map(|_| Task::Segments(Arc::downgrade(&file))));
        self.segments(&file, worker)
    }

    /// Makes the entry of anything but a directory: from memory, or by looking into it.
    pub(super) fn entry(&self, subject: &Subject, directory: std::os::fd::BorrowedFd<'_>, worker: &mut Worker<'_>) -> Result<Made> {
        let seen = &subject.seen;
        if let Some(old) = self.unchanged(subject) {
            if seen.kind == Kind::Regular {
                self.progress.bytes_done.add(seen.stamp.size.min(seen.allocated.saturating_mul(512)));
            }
            let entry = Entry { is_hot: self.clock.is_hot(seen.stamp.ctime), lead: Vec::new(), ..old.entry.clone() };
            return Ok(Made::Entry(entry, false));
        }
        let must_replace = subject.must_part_from_links();
        match seen.kind {
            Kind::Regular => self.regular(subject, directory, must_replace),
            _ => self.special(subject, directory, must_replace, worker),
        }
    }

    /// Returns what is known of an entry, if that may be believed still.
    fn unchanged<'s>(&self, subject: &'s Subject) -> Option<&'s Known> {
        subject.old.as_deref().filter(|old| !subject.must_part_from_links() && self.is_unchanged(subject, old))
    }

    fn is_unchanged(&self, subject: &Subject, old: &Known) -> bool {
        let is_same = old.stamp == Some(subject.seen.stamp) && old.entry.kind == subject.seen.kind && !self.clock.is_foreign;
        match self.side {
            Side::Source { .. } => is_same && !old.entry.is_hot,
            Side::Target { touched, knows_all, .. } => is_same && (knows_all || !old.entry.is_hot) && !touched.contains(&subject.path),
        }
    }

    fn special(
        &self,
        subject: &Subject,
        directory: std::os::fd::BorrowedFd<'_>,
        must_replace: bool,
        worker: &mut Worker<'_>,
    ) -> Result<Made> {
        let (_, name) = path::split(&subject.path);
        let metadata = match metadata::read_at(directory, name, &subject.seen) {
            Ok(metadata) => metadata,
            // Gone, or not a symlink any more.
            Err(Errno::NOENT | Errno::INVAL) => return Ok(Made::Vanished),
            Err(errno) => {
                return Err(self.unreadable("reading the metadata of", &subject.path, errno));
            }
        };
        let digest = metadata.digest();
        let is_same = subject.old_of_kind().is_some_and(|old| old.entry.metadata == digest) && !must_replace;
        if !is_same {
            let path = subject.path.clone();
            self.emit(worker, &subject.directory, Item::Special { path, metadata })?;
        }
        let entry = Entry {
            name: name.to_vec(),
            kind: subject.seen.kind,
            stamp: subject.seen.stamp,
            is_hot: self.clock.is_hot(subject.seen.stamp.ctime),
            metadata: digest,
            content: Digest::ZEROS,
            blocks: None,
            lead: Vec::new(),
        };
        Ok(Made::Entry(entry, !is_same))
    }

    /// Emits a change that adds or removes a name, and so disturbs the directory's times at the target.
    pub(super) fn emit(&self, worker: &mut Worker<'_>, directory: &Arc<Directory>, item: Item) -> Result<()> {
        self.touch(directory);
        self.progress.entries_changed.add(1);
        worker.lane.emit(item, &[])
    }

    pub(super) fn touch(&self, directory: &Arc<Directory>) {
        if !directory.is_touched.swap(true, Ordering::Relaxed) {
            let mut touched = self.touched_directories.lock().expect("no thread panics while it holds this lock");
            touched.push(Arc::clone(directory));
        }
    }

    fn gone(&self, directory: &Arc<Directory>, name: &[u8], worker: &mut Worker<'_>) -> Result<()> {
        let path = path::join(&directory.path, name);
        self.emit(worker, directory, Item::Delete { path })
    }

    fn vanished(&self, path: Vec<u8>, worker: &mut Worker<'_>) -> Result<()> {
        self.unsettled(&path)?;
        self.progress.entries_changed.add(1);
        worker.lane.emit(Item::Delete { path }, &[])
    }

    /// Notes that an entry went away under the pass; if the target has it, it must go there too.
    fn vanished_from(&self, directory: &Arc<Directory>, path: Vec<u8>, was_known: bool, worker: &mut Worker<'_>) -> Result<()> {
        self.unsettled(&path)?;
        if was_known {
            self.emit(worker, directory, Item::Delete { path })?;
        }
        Ok(())
    }

    /// Notes that something changed under the pass: normal while the application runs, a failure when it should be stopped.
    pub(super) fn unsettled(&self, path: &[u8]) -> Result<()> {
        match self.side {
            Side::Source { is_last: false, .. } => {
                self.progress.unsettled.store(true, Ordering::Relaxed);
                Ok(())
            }
            Side::Source { is_last: true, .. } => Err(not_stopped(path)),
            Side::Target { .. } => {
                Err(Halt::new(Reason::System, format!("`{}` was changed at the target by somebody else", path::shown(path))))
            }
        }
    }

    pub(super) fn is_last(&self) -> bool {
        matches!(self.side, Side::Source { is_last: true, .. })
    }

    pub(super) fn unreadable(&self, what: &str, path: &[u8], errno: Errno) -> Halt {
        match self.side {
            Side::Source { .. } => fail::at_source(what, path, errno),
            Side::Target { .. } => fail::at_target(what, path, errno),
        }
    }
}

fn not_stopped(path: &[u8]) -> Halt {
    Halt::new(Reason::NotStopped, format!("`{}` changed during the last pass", path::shown(path)))
}

/// An entry that is being examined.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) directory: Arc<Directory>,
    pub(super) path: Vec<u8>,
    pub(super) seen: Seen,
    /// Apart, since most of many have none in a first pass.
    pub(super) old: Option<Box<Known>>,
}

impl Subject {
    /// Returns what was known, unless it was of another type.
    pub(super) fn old_of_kind(&self) -> Option<&Known> {
        self.old.as_deref().filter(|old| old.entry.kind == self.seen.kind)
    }

    /// Returns whether this is the inode that was known under this path.
    pub(super) fn is_same_inode(&self) -> bool {
        let stamp: Option<Stamp> = self.old_of_kind().and_then(|old| old.stamp);
        stamp.is_some_and(|stamp| stamp.inode == self.seen.stamp.inode)
    }

    /// Returns whether the target has this path as a hard link of something it is not linked to any more, so that it must
    /// not be changed in place.
    pub(super) fn must_part_from_links(&self) -> bool {
        self.old_of_kind().is_some_and(|old| !old.entry.lead.is_empty()) && !self.is_same_inode()
    }
}

/// What became of an entry that was examined.
pub(super) enum Made {
    /// It is done; whether it was made anew at the target.
    Entry(Entry, bool),
    /// It is small, open, and to be read.
    Small(SmallFile),
    /// It is not there any more.
    Vanished,
    /// It is large: its segments are to be worked on.
    Large(Box<LargeFile>),
}

fn end_stage(workers: &mut [Worker<'_>]) -> Result<()> {
    workers.iter_mut().try_for_each(|worker| worker.lane.end_stage())
}

fn emit_all(items: Vec<Item>, worker: &mut Worker<'_>) -> Result<()> {
    items.into_iter().try_for_each(|item| worker.lane.emit(item, &[]))
}

fn dress_all(directories: &[Arc<Directory>], worker: &mut Worker<'_>) -> Result<()> {
    directories.iter().try_for_each(|directory| {
        let item = Item::DressDirectory { path: directory.path.clone(), metadata: directory.metadata.clone() };
        worker.lane.emit(item, &[])
    })
}
