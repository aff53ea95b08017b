//! One look over a volume, the same at both ends: where it is made, what was known before, and what it finds.
//!
//! At the source the changes go to the target; at the target (the read-back after a pass) they go nowhere. In what order things are
//! looked at is in [`super::order`], what counts as unchanged in [`super::entry`]; nothing is written to a volume here.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use rustix::fs::StatxAttributes;
use rustix::io::Errno;

use super::file::{LargeFile, SmallFile};
use super::links::{Group, Groups};
use super::subject::{Directory, Subject};
use super::worker::Worker;
use super::{flags, layers};
use crate::contract::orders::Reason;
use crate::mover::disk::clock::Clock;
use crate::mover::disk::stat::{self, EntryKind, Stat};
use crate::mover::disk::tree::Tree;
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::path;
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::manifest::entry::Entry;
use crate::mover::manifest::known::Memory;
use crate::mover::manifest::writer::Writer;
use crate::mover::write::change::Item;
use crate::mover::write::early::EarlyReader;
use crate::mover::write::touched::TouchedPaths;

/// At which end, and under what conditions, a scan is made.
#[derive(Clone, Copy, Debug)]
pub enum ScanEnd<'a> {
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
        touched: &'a TouchedPaths,
        /// Whether it was this process that made the manifest, so that `touched` is all there is.
        knows_all: bool,
        /// What was read back while the pass ran.
        early: Option<&'a EarlyReader>,
    },
}

/// A directory that is open, with the names in it.
pub(super) struct OpenDirectory {
    pub(super) directory: Arc<Directory>,
    pub(super) opened: OwnedFd,
    pub(super) seen: Stat,
    pub(super) names: Vec<Vec<u8>>,
}

/// A unit of work.
pub(super) enum Task {
    Directory(Vec<u8>),
    Slice(Arc<OpenDirectory>, usize, usize),
    /// A large file, which is opened only when somebody has time for it.
    Large(Box<Subject>),
    /// A part in the work on a large file, which is not kept open for it.
    Segments(Weak<LargeFile>),
    Group(Group),
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
    pub side: ScanEnd<'a>,
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
    /// Each once, see [`Directory::is_touched`].
    pub(super) touched_directories: Mutex<Vec<Arc<Directory>>>,
}

impl<'a> Scan<'a> {
    /// Returns a scan that has not begun.
    #[must_use]
    pub fn new(
        tree: &'a Tree,
        memory: &'a Memory,
        writer: &'a Writer,
        side: ScanEnd<'a>,
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
            root: stat::see(tree.root()).map_or(StatxAttributes::empty(), |seen| seen.attributes),
            sees_all_attributes: layers::all_attributes_are_seen(),
            touched_directories: Mutex::default(),
        }
    }

    pub(super) fn check_can_be_kept(&self, seen: &Stat, path: &[u8]) -> Result<()> {
        match self.side {
            ScanEnd::Source { is_copied: true, .. } => {
                flags::check(seen.attributes, self.root, path)?;
                if self.sees_all_attributes { Ok(()) } else { layers::check(seen, path) }
            }
            ScanEnd::Source { is_copied: false, .. } | ScanEnd::Target { .. } => Ok(()),
        }
    }

    pub(super) fn count_bytes(&self, seen: &Stat) {
        if seen.kind == EntryKind::Regular {
            self.progress.bytes.add(seen.stamp.size.min(seen.allocated.saturating_mul(512)));
        }
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

    pub(super) fn gone(&self, directory: &Arc<Directory>, name: &[u8], worker: &mut Worker<'_>) -> Result<()> {
        let path = path::join(&directory.path, name);
        self.emit(worker, directory, Item::Delete { path })
    }

    pub(super) fn vanished(&self, path: Vec<u8>, worker: &mut Worker<'_>) -> Result<()> {
        self.unsettled(&path)?;
        self.progress.entries_changed.add(1);
        worker.lane.emit(Item::Delete { path }, &[])
    }

    /// Notes that an entry went away under the pass; if the target has it, it must go there too.
    pub(super) fn vanished_from(&self, directory: &Arc<Directory>, path: Vec<u8>, was_known: bool, worker: &mut Worker<'_>) -> Result<()> {
        self.unsettled(&path)?;
        if was_known {
            self.emit(worker, directory, Item::Delete { path })?;
        }
        Ok(())
    }

    /// Notes that something changed under the pass: normal while the application runs, a failure when it should be stopped.
    pub(super) fn unsettled(&self, path: &[u8]) -> Result<()> {
        match self.side {
            ScanEnd::Source { is_last: false, .. } => {
                self.progress.unsettled.store(true, Ordering::Relaxed);
                Ok(())
            }
            ScanEnd::Source { is_last: true, .. } => Err(not_stopped(path)),
            ScanEnd::Target { .. } => {
                Err(Halt::new(Reason::System, format!("`{}` was changed at the target by somebody else", path::shown(path))))
            }
        }
    }

    pub(super) fn is_last(&self) -> bool {
        matches!(self.side, ScanEnd::Source { is_last: true, .. })
    }

    pub(super) fn unreadable(&self, what: &str, path: &[u8], errno: Errno) -> Halt {
        match self.side {
            ScanEnd::Source { .. } => fail::at_source(what, path, errno),
            ScanEnd::Target { .. } => fail::at_target(what, path, errno),
        }
    }
}

/// A failure of a last pass under which something changed.
pub(super) fn not_stopped(path: &[u8]) -> Halt {
    Halt::new(Reason::NotStopped, format!("`{}` changed during the last pass", path::shown(path)))
}

/// What became of an entry that was examined.
pub(super) enum Finding {
    /// It is done; whether it was made anew at the target.
    Entry(Entry, bool),
    /// It is small, open, and to be read.
    Small(SmallFile),
    /// It is not there any more.
    Vanished,
    /// It is large: its segments are to be worked on.
    Large(Box<LargeFile>),
}
