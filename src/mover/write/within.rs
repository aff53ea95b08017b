//! Names beneath the root of a target volume: made, opened and removed, whatever is in their place.
//!
//! No link is followed. Paths have been checked to stay beneath the root by their words.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::contract::orders::Reason;
use crate::mover::disk::buffer::Buffer;
use crate::mover::disk::lend;
use crate::mover::disk::stat::{self, EntryKind};
use crate::mover::disk::tree::{self, Tree};
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::path;

/// The directory that was used last by a thread; most changes come directory by directory.
#[derive(Debug, Default)]
pub(super) struct LastDirectory(Option<(Vec<u8>, Arc<OwnedFd>)>);

/// The tree with what the thread has of its own.
pub(super) struct NamesWithin<'a, 'b> {
    pub(super) tree: &'a Tree,
    pub(super) last: &'b mut LastDirectory,
    pub(super) buffer: &'b mut Buffer,
}

impl NamesWithin<'_, '_> {
    pub(super) fn forget(&mut self, path: &[u8]) {
        let is_within = |directory: &[u8]| directory == path || directory.starts_with(&[path, b"/"].concat());
        if self.last.0.as_ref().is_some_and(|(directory, _)| is_within(directory)) {
            self.last.0 = None;
        }
    }

    /// Opens the directory of a path, making it where it is not there yet: its own change may come later on another lane.
    pub(super) fn parent(&mut self, path: &[u8]) -> Result<Arc<OwnedFd>> {
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
    pub(super) fn make<T>(&mut self, path: &[u8], make: impl Fn(BorrowedFd<'_>) -> rustix::io::Result<T>) -> Result<Arc<OwnedFd>> {
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

    pub(super) fn make_file(&mut self, path: &[u8]) -> Result<OwnedFd> {
        let (_, name) = path::split(path);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let make = |parent: BorrowedFd<'_>| rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o600));
        self.make_and_keep(path, make).map(|(_, file)| file)
    }

    /// Opens a regular file that must be there.
    pub(super) fn open_file(&mut self, path: &[u8]) -> Result<OwnedFd> {
        let (_, name) = path::split(path);
        let parent = self.parent(path)?;
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let failed = |errno| fail::at_target("opening", path, errno);
        let file = lend::open_file(parent.as_fd(), name, flags).map_err(failed)?;
        match stat::see(file.as_fd()).map_err(failed)?.kind {
            EntryKind::Regular => Ok(file),
            _ => Err(Halt::new(Reason::System, format!("`{}` is not the file it was", path::shown(path)))),
        }
    }

    pub(super) fn make_directory(&mut self, path: &[u8]) -> Result<()> {
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

    pub(super) fn is_same(&mut self, path: &[u8], from: BorrowedFd<'_>, carrier: &[u8]) -> bool {
        let (_, name) = path::split(path);
        let Ok(parent) = self.parent(path) else {
            return false;
        };
        match (stat::see_at(parent.as_fd(), name), stat::see_at(from, carrier)) {
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
pub(super) fn remove(tree: &Tree, path: &[u8], stays: bool) -> Result<()> {
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
