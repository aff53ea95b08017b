//! Reads and writes that leave the page cache as they found it, where the kernel can do that.
//!
//! A live application keeps what it has in memory. What a pass writes is on its way to the disk at once instead of all at
//! the end. Kernels and file systems that do not know the flag are used as ever; nothing here decides what is read or when.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::BorrowedFd;
use std::sync::LazyLock;

use rustix::io::{Errno, ReadWriteFlags};

/// `RWF_DONTCACHE` (Linux 6.14): only pages that this very call brought in are dropped after it.
const DONT_CACHE: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0x80);

/// Before this release the kernel could drop a page that the app had written to meanwhile ("mm/filemap: gate dropbehind
/// invalidate on folio !dirty && !writeback"), so that the flag is not used there.
const SAFE_SINCE: (u32, u32) = (6, 16);

/// Smaller writes are left to the kernel's own time: it gathers them better than we could.
const WRITE_BYTES_MIN: usize = 256 << 10;

/// Reads from a place in a file that somebody else may be using.
pub fn read_at(file: BorrowedFd<'_>, buffer: &mut [u8], offset: u64) -> rustix::io::Result<usize> {
    if !is_dont_cache_safe() {
        return rustix::io::pread(file, buffer, offset);
    }
    match rustix::io::preadv2(file, &mut [IoSliceMut::new(buffer)], offset, DONT_CACHE) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => rustix::io::pread(file, buffer, offset),
        other => other,
    }
}

/// Writes at a place in a file; much at once is sent to the disk at once.
pub fn write_at(file: BorrowedFd<'_>, bytes: &[u8], offset: u64) -> rustix::io::Result<usize> {
    if bytes.len() < WRITE_BYTES_MIN || !is_dont_cache_safe() {
        return rustix::io::pwrite(file, bytes, offset);
    }
    match rustix::io::pwritev2(file, &[IoSlice::new(bytes)], offset, DONT_CACHE) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => rustix::io::pwrite(file, bytes, offset),
        other => other,
    }
}

fn is_dont_cache_safe() -> bool {
    static IS_SAFE: LazyLock<bool> = LazyLock::new(|| {
        let name = rustix::system::uname();
        release_of(&name.release().to_string_lossy()).is_some_and(|release| release >= SAFE_SINCE)
    });
    *IS_SAFE
}

/// Returns the first two numbers of a kernel's release, such as `6.18.44-cloud`.
fn release_of(name: &str) -> Option<(u32, u32)> {
    let mut numbers = name.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_and_compared_by_number() {
        assert_eq!(release_of("6.18.44-cloud"), Some((6, 18)));
        assert_eq!(release_of("5.4"), Some((5, 4)));
        assert_eq!(release_of("odd"), None);
        assert!(release_of("6.8.0-45-generic") < Some(SAFE_SINCE));
    }
}
