//! Does at the target what the owner of a file or folder may do that nobody may write, himself included: he gives himself the right first.
//!
//! Caches of modules, repositories of source code and the like keep files 0444 and folders 0555, and change them all the same. A mover that runs as their
//! owner has no way around their modes, as root has. The mode that is wanted is set where everything else is, at the end of the change or of
//! the pass; if that never comes, the next pass finds the mode that was lent and sets the right one. What is not ours stays as it is.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::stat;
use super::tree::{self, Tree};

/// What it takes to change the content of a file, or its attributes.
const TO_WRITE: u16 = 0o200;
/// What it takes to list a folder, and to make and remove what is in it.
const TO_HOLD: u16 = 0o700;

/// Calls this, once more if it was refused for want of a right in this folder that could be lent.
pub(crate) fn in_directory<T>(directory: BorrowedFd<'_>, call: impl Fn() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    with_right(directory, TO_HOLD, call)
}

/// Calls this, once more if it was refused for want of the right to write this open file or folder that could be lent.
pub(super) fn to_write<T>(file: BorrowedFd<'_>, call: impl Fn() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    with_right(file, TO_WRITE, call)
}

fn with_right<T>(opened: BorrowedFd<'_>, right: u16, call: impl Fn() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    match call() {
        Err(Errno::ACCESS) if lend(opened, right).is_ok() => call(),
        other => other,
    }
}

/// Gives its owner a right; refused by the kernel to everybody else.
fn lend(opened: BorrowedFd<'_>, right: u16) -> rustix::io::Result<()> {
    let mode = stat::see(opened)?.mode() | right;
    rustix::fs::fchmod(opened, Mode::from_raw_mode(mode.into()))
}

/// The same for what cannot be opened yet. Links are not followed.
fn lend_at(parent: BorrowedFd<'_>, name: &[u8], right: u16) -> rustix::io::Result<()> {
    let place = rustix::fs::openat(parent, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let mode = stat::see(place.as_fd())?.mode() | right;
    let path = format!("/proc/self/fd/{}", place.as_raw_fd());
    rustix::fs::chmod(path, Mode::from_raw_mode(mode.into()))
}

/// Opens a name in a folder; where that is refused and either is ours, after lending what it takes.
fn open_at(parent: BorrowedFd<'_>, name: &[u8], right: u16, open: impl Fn() -> rustix::io::Result<OwnedFd>) -> rustix::io::Result<OwnedFd> {
    match in_directory(parent, &open) {
        Err(Errno::ACCESS) if lend_at(parent, name, right).is_ok() => open(),
        other => other,
    }
}

/// Opens a file for writing.
pub(crate) fn open_file(parent: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    open_at(parent, name, TO_WRITE, || rustix::fs::openat(parent, name, flags, Mode::empty()))
}

/// Opens a folder within another one.
pub(crate) fn open_directory_at(parent: BorrowedFd<'_>, name: &[u8]) -> rustix::io::Result<OwnedFd> {
    open_at(parent, name, TO_HOLD, || tree::open_quietly(parent, name, OFlags::RDONLY | OFlags::DIRECTORY))
}

/// Opens a folder, lending what it takes on the way to it.
pub(crate) fn open_directory(tree: &Tree, path: &[u8]) -> rustix::io::Result<OwnedFd> {
    match tree.open_directory(path) {
        Err(Errno::ACCESS) => {
            let mut opened: Option<OwnedFd> = None;
            for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
                let at = opened.as_ref().map_or(tree.root(), AsFd::as_fd);
                opened = Some(open_directory_at(at, name)?);
            }
            opened.ok_or(Errno::ACCESS)
        }
        other => other,
    }
}
