//! Hard links: paths that share an inode are copied once, by one of them, and linked.
//!
//! They are put aside during the walk, because a group is known only when all paths have been seen. The path that carries the
//! content is chosen so that the target's inode can be kept where it may be.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use super::subject::{Directory, Subject};
use crate::mover::ground::fail::Result;
use crate::mover::ground::path;
use crate::mover::ground::progress::Progress;
use crate::mover::manifest::entry::{Entry, PAGE_ENTRIES_MAX};
use crate::mover::manifest::writer::Writer;
use crate::mover::write::change::Item;

/// The paths of one inode, the carrier first.
pub(super) struct Group {
    pub(super) members: Vec<Subject>,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.members.iter().map(|member| path::shown(&member.path))).finish()
    }
}

/// All groups of a scan.
#[derive(Debug, Default)]
pub(super) struct Groups {
    deferred: Mutex<HashMap<u64, Vec<Subject>>>,
    settled: Mutex<LinkChanges>,
}

/// What groups leave to be done when all of them were looked at.
#[derive(Debug, Default)]
pub(super) struct LinkChanges {
    entries: BTreeMap<Vec<u8>, Vec<Entry>>,
    /// As many together as are emitted at once.
    pub(super) links: Vec<Vec<Item>>,
    /// Those that this disturbs.
    pub(super) directories: Vec<Arc<Directory>>,
}

impl Groups {
    /// Puts a path aside.
    pub(super) fn defer(&self, subject: Subject) {
        let mut deferred = self.deferred.lock().expect("no thread panics while it holds this lock");
        deferred.entry(subject.seen.stamp.inode).or_default().push(subject);
    }

    /// Returns the groups that were put aside.
    pub(super) fn gather(&self) -> Vec<Group> {
        let deferred = std::mem::take(&mut *self.deferred.lock().expect("no thread panics while it holds this lock"));
        deferred.into_values().map(Group::new).collect()
    }

    /// Writes the entries of all groups, and returns what is left to be done.
    pub(super) fn settle(&self, writer: &Writer) -> Result<LinkChanges> {
        let mut settled = std::mem::take(&mut *self.settled.lock().expect("no thread panics while it holds this lock"));
        for (directory, mut entries) in std::mem::take(&mut settled.entries) {
            entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
            for page in entries.chunks(PAGE_ENTRIES_MAX) {
                writer.put(&directory, page)?;
            }
        }
        Ok(settled)
    }

    /// Notes what is left to be done of a group whose content is looked at.
    pub(super) fn settle_group(&self, group: &Group, entry: &Entry, is_new: bool, progress: &Progress) {
        let lead = group.lead();
        let mut settled = self.settled.lock().expect("no thread panics while it holds this lock");
        for member in &group.members {
            let (directory, name) = path::split(&member.path);
            settled.entries.entry(directory.to_vec()).or_default().push(Entry { name: name.to_vec(), lead: lead.clone(), ..entry.clone() });
        }
        let others = group.members.iter().skip(1);
        for member in others.filter(|member| is_new || !group.is_linked(member)) {
            progress.entries_changed.add(1);
            settled.directories.push(Arc::clone(&member.directory));
            let link = Item::Link { path: member.path.clone(), to: group.carrier().path.clone() };
            match settled.links.last_mut().filter(|last| last.len() < PAGE_ENTRIES_MAX) {
                Some(last) => last.push(link),
                None => settled.links.push(vec![link]),
            }
        }
    }
}

impl Group {
    fn new(mut members: Vec<Subject>) -> Group {
        members.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        // The target's inode behind a path that kept its own inode here is shared by none but this group's paths: any other
        // path that shares it there has another inode here, and so is made anew.
        if let Some(kept) = members.iter().position(Subject::is_same_inode) {
            members[..=kept].rotate_right(1);
        }
        Group { members }
    }

    fn lead(&self) -> Vec<u8> {
        match self.members.as_slice() {
            [_] => Vec::new(),
            members => members.iter().map(|member| member.path.as_slice()).min().unwrap_or_default().to_vec(),
        }
    }

    /// Returns the path that carries the content.
    pub(super) fn carrier(&self) -> &Subject {
        self.members.first().expect("a group is made of at least one path")
    }

    /// Returns whether the target has this member linked to the carrier already.
    fn is_linked(&self, member: &Subject) -> bool {
        let lead = |subject: &Subject| subject.old_of_kind().map(|old| old.entry.lead.clone());
        let is_kept = self.carrier().is_same_inode() && member.is_same_inode();
        is_kept && lead(member).is_some_and(|lead| !lead.is_empty()) && lead(member) == lead(self.carrier())
    }
}
