//! What reading a file takes, small or large: the bytes, from the disk where they are to be proven, and a second look at its stamp.
//!
//! Nothing is ever mapped into memory, because the application may truncate it.

use std::os::fd::BorrowedFd;

use rustix::fs::Advice;
use rustix::io::Errno;

use super::look::{Scan, ScanEnd};
use crate::mover::disk::quiet;
use crate::mover::disk::stat::{self, Stat};
use crate::mover::ground::fail::Result;

impl Scan<'_> {
    /// Looks at a file again after it was read. One that changed meanwhile is hot whatever its stamps say.
    pub(super) fn is_hot_after(&self, file: BorrowedFd<'_>, before: &Stat, path: &[u8]) -> Result<bool> {
        let after = stat::see(file).map_err(|errno| self.unreadable("looking at", path, errno))?;
        let is_changed = after.stamp != before.stamp;
        if is_changed {
            self.unsettled(path)?;
        }
        let is_hot = is_changed || self.clock.is_hot(before.stamp.ctime);
        if is_hot {
            self.progress.bytes_hot.add(before.stamp.size);
        }
        Ok(is_hot)
    }

    /// At the target, what was written must be read from the disk, not from memory.
    pub(super) fn drop_cache(&self, file: BorrowedFd<'_>, offset: u64, length: u64) {
        if matches!(self.side, ScanEnd::Target { .. }) {
            // A file system that does not know this advice only makes the proof weaker against its own disk; it is still read.
            let _ = rustix::fs::fadvise(file, offset, std::num::NonZero::new(length), Advice::DontNeed);
        }
    }

    /// Fills a part of a buffer; what a shrinking file lacks becomes zeros, and shows in its stamp.
    pub(super) fn fill(&self, buffer: &mut [u8], file: BorrowedFd<'_>, offset: u64, path: &[u8]) -> Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match quiet::read_at(file, &mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.unreadable("reading", path, errno)),
            }
        }
        buffer[filled..].fill(0);
        Ok(())
    }
}
