//! The entry of anything but a directory: from memory where that may be believed, or by looking into it.
//!
//! A file counts as unchanged only if this mover's own manifest has the same inode, size and both times *and* it was not hot then: a file
//! whose change time lies after the last sync before its pass began may have been written again without a new stamp, for
//! instance through a memory map. Size and modification time alone prove nothing here.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::file::SmallFile;
use super::look::{Finding, Scan, ScanEnd};
use super::subject::Subject;
use super::worker::Worker;
use crate::mover::disk::stat::{self, EntryKind};
use crate::mover::disk::{metadata, tree};
use crate::mover::ground::digest::{Digest, SEGMENT_BYTES};
use crate::mover::ground::fail::Result;
use crate::mover::ground::path;
use crate::mover::manifest::entry::Entry;
use crate::mover::manifest::known::KnownEntry;
use crate::mover::write::change::Item;

impl Scan<'_> {
    /// Makes the entry of anything but a directory: from memory, or by looking into it.
    pub(super) fn entry(&self, subject: &Subject, directory: BorrowedFd<'_>, worker: &mut Worker<'_>) -> Result<Finding> {
        let seen = &subject.seen;
        if let Some(old) = self.unchanged(subject) {
            if seen.kind == EntryKind::Regular {
                self.progress.bytes_done.add(seen.stamp.size.min(seen.allocated.saturating_mul(512)));
            }
            let entry = Entry { is_hot: self.clock.is_hot(seen.stamp.ctime), lead: Vec::new(), ..old.entry.clone() };
            return Ok(Finding::Entry(entry, false));
        }
        let must_replace = subject.must_part_from_links();
        match seen.kind {
            EntryKind::Regular => self.regular(subject, directory, must_replace),
            _ => self.special(subject, directory, must_replace, worker),
        }
    }

    /// Returns what is known of an entry, if that may be believed still.
    pub(super) fn unchanged<'s>(&self, subject: &'s Subject) -> Option<&'s KnownEntry> {
        subject.old.as_deref().filter(|old| !subject.must_part_from_links() && self.is_unchanged(subject, old))
    }

    fn is_unchanged(&self, subject: &Subject, old: &KnownEntry) -> bool {
        let is_same = old.stamp == Some(subject.seen.stamp) && old.entry.kind == subject.seen.kind && !self.clock.is_foreign;
        match self.side {
            ScanEnd::Source { .. } => is_same && !old.entry.is_hot,
            ScanEnd::Target { touched, knows_all, .. } => is_same && (knows_all || !old.entry.is_hot) && !touched.contains(&subject.path),
        }
    }

    fn special(&self, subject: &Subject, directory: BorrowedFd<'_>, must_replace: bool, worker: &mut Worker<'_>) -> Result<Finding> {
        let (_, name) = path::split(&subject.path);
        let metadata = match metadata::read_at(directory, name, &subject.seen) {
            Ok(metadata) => metadata,
            // Gone, or not a symlink any more.
            Err(Errno::NOENT | Errno::INVAL) => return Ok(Finding::Vanished),
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
        Ok(Finding::Entry(entry, !is_same))
    }

    fn regular(&self, subject: &Subject, directory: BorrowedFd<'_>, must_replace: bool) -> Result<Finding> {
        let (_, name) = path::split(&subject.path);
        let opened = match tree::open_quietly(directory, name, OFlags::RDONLY | OFlags::NONBLOCK) {
            Ok(opened) => opened,
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(Finding::Vanished),
            Err(errno) => return Err(self.unreadable("opening", &subject.path, errno)),
        };
        let unreadable = |errno| self.unreadable("reading the metadata of", &subject.path, errno);
        let seen = stat::see(opened.as_fd()).map_err(unreadable)?;
        if seen.kind != EntryKind::Regular {
            return Ok(Finding::Vanished);
        }
        let metadata = metadata::read(opened.as_fd(), &seen).map_err(unreadable)?;
        let is_new = must_replace || subject.old_of_kind().is_none_or(|old| old.entry.lacks_blocks());
        if seen.stamp.size > SEGMENT_BYTES as u64 {
            return self.large(subject, opened, seen, metadata, is_new).map(|file| Finding::Large(Box::new(file)));
        }
        Ok(Finding::Small(SmallFile { opened, seen, metadata, is_new }))
    }
}
