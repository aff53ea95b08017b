//! Directories: listed, compared with what is known of them name by name, and cut into slices that many threads look through.
//!
//! What is to be read for long is put aside here, see [`super::aside`].

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::io::Errno;

use super::look::{Finding, OpenDirectory, Scan, Task, not_stopped};
use super::small::SliceEntries;
use super::subject::{Directory, Subject};
use super::worker::Worker;
use crate::contract::orders::Reason;
use crate::mover::disk::stat::{self, EntryKind};
use crate::mover::disk::{metadata, tree};
use crate::mover::ground::digest::SEGMENT_BYTES;
use crate::mover::ground::fail::{Halt, Result};
use crate::mover::ground::path;
use crate::mover::ground::work::Queue;
use crate::mover::manifest::entry::{Entry, PAGE_ENTRIES_MAX};
use crate::mover::manifest::known::KnownEntry;
use crate::mover::write::change::Item;

impl Scan<'_> {
    pub(super) fn directory(&self, path: Vec<u8>, worker: &mut Worker<'_>, queue: &Queue<Task>) -> Result<()> {
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

    fn list(&self, path: &[u8]) -> rustix::io::Result<OpenDirectory> {
        let opened = self.tree.open_directory(path)?;
        let seen = stat::see(opened.as_fd())?;
        let read = if path.is_empty() { metadata::read_root } else { metadata::read };
        let metadata = read(opened.as_fd(), &seen)?;
        let names = tree::list_names(opened.as_fd(), path.is_empty())?;
        let directory = Arc::new(Directory { path: path.to_vec(), metadata, is_touched: AtomicBool::new(false) });
        Ok(OpenDirectory { directory, opened, seen, names })
    }

    pub(super) fn slice(
        &self,
        listed: &Arc<OpenDirectory>,
        from: usize,
        to: usize,
        worker: &mut Worker<'_>,
        queue: &Queue<Task>,
    ) -> Result<()> {
        let directory = &listed.directory;
        let is_first = from == 0;
        let lower = if is_first { b"".as_slice() } else { listed.names[from].as_slice() };
        let upper = listed.names.get(to).map(Vec::as_slice);
        let mut known = self.memory.entries_between(&directory.path, lower, upper)?.into_iter().peekable();
        let mut page = SliceEntries::with_capacity(to - from + 1);
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
    fn own_entry(&self, listed: &OpenDirectory, old: Option<&KnownEntry>) -> Entry {
        self.progress.entries.add(1);
        let metadata = listed.directory.metadata.digest();
        if old.is_none_or(|old| old.entry.metadata != metadata) {
            self.progress.entries_changed.add(1);
            self.touch(&listed.directory);
        }
        Entry { stamp: listed.seen.stamp, metadata, ..Entry::marker(b"") }
    }

    /// In a last pass, a directory that changed while it was looked through was not at rest.
    fn check_listing(&self, listed: &OpenDirectory) -> Result<()> {
        if !self.is_last() {
            return Ok(());
        }
        let path = &listed.directory.path;
        let after = stat::see(listed.opened.as_fd()).map_err(|errno| self.unreadable("reading the directory", path, errno))?;
        if after.stamp != listed.seen.stamp {
            return Err(not_stopped(path));
        }
        Ok(())
    }

    fn examine(
        &self,
        listed: &Arc<OpenDirectory>,
        name: &[u8],
        old: Option<KnownEntry>,
        page: &mut SliceEntries,
        worker: &mut Worker<'_>,
        queue: &Queue<Task>,
    ) -> Result<()> {
        let directory = &listed.directory;
        let path = path::join(&directory.path, name);
        if path.len() > path::PATH_BYTES_MAX {
            return Err(Halt::new(Reason::CannotKeep, format!("the path `{}` is too long", path::shown(&path))));
        }
        let seen = match stat::see_at(listed.opened.as_fd(), name) {
            Ok(seen) => seen,
            Err(Errno::NOENT) => return self.vanished_from(directory, path, old.is_some(), worker),
            Err(errno) => return Err(self.unreadable("looking at", &path, errno)),
        };
        self.check_can_be_kept(&seen, &path)?;
        if seen.kind == EntryKind::Directory {
            if old.is_none_or(|old| old.entry.kind != EntryKind::Directory) {
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
            Finding::Entry(entry, _) => page.add(entry),
            Finding::Small(file) => return self.add_small(page, subject, file, worker),
            Finding::Vanished => return self.vanished_from(directory, subject.path, subject.old.is_some(), worker),
            // It grew just now.
            Finding::Large(_) => queue.push(Task::Large(Box::new(subject))),
        }
        Ok(())
    }

    /// Returns whether this is a large file that has to be read.
    fn is_to_be_split(&self, subject: &Subject) -> bool {
        let is_large = subject.seen.kind == EntryKind::Regular && subject.seen.stamp.size > SEGMENT_BYTES as u64;
        is_large && self.unchanged(subject).is_none()
    }
}
