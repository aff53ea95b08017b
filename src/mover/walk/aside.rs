//! What was put aside while directories were walked: large files, and paths that share an inode.
//!
//! Each is opened only when a thread has time for it, so that no more are open at once than there are threads.

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::links::Group;
use super::look::{Finding, Scan, Task};
use super::subject::Subject;
use super::worker::Worker;
use crate::mover::ground::fail::Result;
use crate::mover::ground::work::Queue;
use crate::mover::write::change::Item;

impl Scan<'_> {
    /// Opens a large file and works on it: so no more are open at once than there are threads.
    pub(super) fn large_file(&self, subject: Subject, worker: &mut Worker<'_>, queue: &Queue<Task>) -> Result<()> {
        let parent = &subject.directory.path;
        let vanished =
            |subject: Subject, worker: &mut Worker<'_>| self.vanished_from(&subject.directory, subject.path, subject.old.is_some(), worker);
        let directory = match self.tree.open_directory(parent) {
            Ok(directory) => directory,
            Err(Errno::NOENT | Errno::NOTDIR) => return vanished(subject, worker),
            Err(errno) => return Err(self.unreadable("reading the directory", parent, errno)),
        };
        let entry = match self.entry(&subject, directory.as_fd(), worker)? {
            Finding::Large(file) => return self.split(*file, worker, queue),
            Finding::Vanished => return vanished(subject, worker),
            Finding::Small(file) => self.small(&subject, &file, worker)?,
            Finding::Entry(entry, _) => entry,
        };
        self.writer.put(parent, &[entry])
    }

    pub(super) fn group(&self, group: Group, worker: &mut Worker<'_>, queue: &Queue<Task>) -> Result<()> {
        self.progress.entries.add(group.members.len() as u64);
        let carrier = group.carrier();
        let directory = match self.tree.open_directory(&carrier.directory.path) {
            Ok(directory) => directory,
            Err(Errno::NOENT | Errno::NOTDIR) => return self.group_vanished(&group, worker),
            Err(errno) => {
                return Err(self.unreadable("reading the directory", &carrier.directory.path, errno));
            }
        };
        self.count_bytes(&carrier.seen);
        match self.entry(carrier, directory.as_fd(), worker)? {
            Finding::Entry(entry, is_new) => {
                self.groups.settle_group(&group, &entry, is_new, self.progress);
                Ok(())
            }
            Finding::Small(file) => {
                let entry = self.small(carrier, &file, worker)?;
                self.groups.settle_group(&group, &entry, file.is_new, self.progress);
                Ok(())
            }
            Finding::Vanished => self.group_vanished(&group, worker),
            Finding::Large(mut file) => {
                file.group = Some(group);
                self.split(*file, worker, queue)
            }
        }
    }

    /// The next pass finds what is left of the group.
    fn group_vanished(&self, group: &Group, worker: &mut Worker<'_>) -> Result<()> {
        for member in &group.members {
            self.unsettled(&member.path)?;
            if member.old.is_some() {
                let path = member.path.clone();
                self.emit(worker, &member.directory, Item::Delete { path })?;
            }
        }
        Ok(())
    }
}
