//! Files and devices past the page cache: opened once more for it, and read into aligned places.
//!
//! Whether something is better read so is decided by who reads it.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;

use super::buffer::ALIGNMENT;

/// Opens a file once more, past the page cache, for reading or for both; none where its file system has no such way. Its access time is left
/// alone if it was opened so.
#[must_use]
pub fn open(file: BorrowedFd<'_>, access: OFlags) -> Option<OwnedFd> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let kept = rustix::fs::fcntl_getfl(file).ok()? & OFlags::NOATIME;
    rustix::fs::open(path, access | kept | OFlags::DIRECT | OFlags::CLOEXEC, Mode::empty()).ok()
}

/// Returns whether reads of this file past the page cache go to the disk. Some file systems take the flag for some files
/// and read through the cache all the same. They report no alignment for such reads (`STATX_DIOALIGN`, Linux 6.1).
#[must_use]
pub fn is_direct(file: BorrowedFd<'_>) -> bool {
    let asked = StatxFlags::DIOALIGN;
    let found = rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, asked);
    found.is_ok_and(|found| StatxFlags::from_bits_retain(found.stx_mask).contains(asked) && found.stx_dio_offset_align > 0)
}

/// Reads a stretch from the disk itself to an aligned place with room for whole sectors; returns whether all of it was there. What goes
/// wrong here is left to the other way of reading, which tells it better.
pub fn fill(into: &mut [u8], direct: BorrowedFd<'_>, offset: u64, length: usize) -> bool {
    let into = &mut into[..length.next_multiple_of(ALIGNMENT)];
    let mut filled = 0;
    while filled < length {
        match rustix::io::pread(direct, &mut into[filled..], offset + filled as u64) {
            Ok(0) => return false,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
    true
}
