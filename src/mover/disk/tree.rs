//! A volume's root as a descriptor, and everything opened beneath it without following a link or leaving the mount.
//!
//! Knows nothing of manifests or copies; a path given here has been checked by [`crate::mover::ground::path`].

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::mover::ground::path;

/// The only entry that may be left out of a copy, at the root alone: ext4 makes one of its own, for what a repair saves.
pub const LOST_AND_FOUND: &[u8] = b"lost+found";

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Longer paths are opened in pieces, because the kernel takes no longer ones.
const PIECE_BYTES_MAX: usize = 4000;

/// The root of a mounted volume.
#[derive(Debug)]
pub struct Tree {
    root: OwnedFd,
    has_openat2: AtomicBool,
}

impl Tree {
    /// Opens a root.
    pub fn open(root: &std::path::Path) -> rustix::io::Result<Tree> {
        let root = rustix::fs::open(root, DIRECTORY, Mode::empty())?;
        Ok(Tree { root, has_openat2: AtomicBool::new(true) })
    }

    /// Returns the descriptor of the root.
    #[must_use]
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Opens a directory for listing, without touching its access time where that is permitted.
    pub fn open_directory(&self, directory: &[u8]) -> rustix::io::Result<OwnedFd> {
        if directory.is_empty() {
            return open_quietly(self.root(), b".", DIRECTORY);
        }
        let mut opened: Option<OwnedFd> = None;
        let mut rest = directory;
        while !rest.is_empty() {
            let (piece, after) = take_piece(rest);
            let parent = opened.as_ref().map_or(self.root(), AsFd::as_fd);
            opened = Some(self.open_piece(parent, piece)?);
            rest = after;
        }
        opened.ok_or(Errno::NOENT)
    }

    fn open_piece(&self, parent: BorrowedFd<'_>, piece: &[u8]) -> rustix::io::Result<OwnedFd> {
        if piece.contains(&b'/') && self.has_openat2.load(Ordering::Relaxed) {
            let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
            match rustix::fs::openat2(parent, piece, DIRECTORY, Mode::empty(), within) {
                // Older kernels, and sandboxes that do not know the call.
                Err(Errno::NOSYS | Errno::PERM) => self.has_openat2.store(false, Ordering::Relaxed),
                // The call's words for a link in the way, which the other branch calls "not a directory".
                Err(Errno::LOOP) => return Err(Errno::NOTDIR),
                other => return other,
            }
        }
        let mut opened: Option<OwnedFd> = None;
        for name in piece.split(|&byte| byte == b'/') {
            let at = opened.as_ref().map_or(parent, AsFd::as_fd);
            opened = Some(open_quietly(at, name, DIRECTORY).map_err(link_is_no_directory)?);
        }
        opened.ok_or(Errno::NOENT)
    }
}

fn link_is_no_directory(errno: Errno) -> Errno {
    if errno == Errno::LOOP { Errno::NOTDIR } else { errno }
}

fn take_piece(rest: &[u8]) -> (&[u8], &[u8]) {
    if rest.len() <= PIECE_BYTES_MAX {
        return (rest, b"");
    }
    let cut = rest[..PIECE_BYTES_MAX]
        .iter()
        .rposition(|&byte| byte == b'/')
        .expect("names are at most 255 bytes long, so that a piece holds a slash");
    (&rest[..cut], &rest[cut + 1..])
}

/// Opens one name beneath a directory; without touching its access time where we may (our own files, or `CAP_FOWNER`).
pub fn open_quietly(parent: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(parent, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => rustix::fs::openat(parent, name, flags, Mode::empty()),
        other => other,
    }
}

/// Lists the names in an open directory, sorted, without `.` and `..`, and at the root without a [`LOST_AND_FOUND`] that holds nothing.
pub fn list_names(directory: BorrowedFd<'_>, is_root: bool) -> rustix::io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    let mut buffer = Vec::with_capacity(64 << 10);
    let mut listing = rustix::fs::RawDir::new(directory, buffer.spare_capacity_mut());
    while let Some(entry) = listing.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." && !(is_root && name == LOST_AND_FOUND) {
            debug_assert!(path::is_name(name), "the kernel gives plain names");
            names.push(name.to_vec());
        }
    }
    if is_root && holds_what_was_saved(directory)? {
        names.push(LOST_AND_FOUND.to_vec());
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Returns whether there is a [`LOST_AND_FOUND`] that is to be copied: with anything in it, or no folder at all. One that we may not look into is left out
/// if it is as file systems make it, for root alone; otherwise it is listed, so that it fails where it is looked into.
fn holds_what_was_saved(root: BorrowedFd<'_>) -> rustix::io::Result<bool> {
    match open_quietly(root, LOST_AND_FOUND, DIRECTORY) {
        Ok(opened) => Ok(!list_names(opened.as_fd(), false)?.is_empty()),
        Err(Errno::NOENT) => Ok(false),
        Err(Errno::NOTDIR | Errno::LOOP) => Ok(true),
        Err(Errno::ACCESS) => {
            let stat = rustix::fs::statat(root, LOST_AND_FOUND, AtFlags::SYMLINK_NOFOLLOW)?;
            Ok((stat.st_uid, stat.st_mode & 0o7777) != (0, 0o700))
        }
        Err(errno) => Err(errno),
    }
}
