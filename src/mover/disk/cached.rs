//! Tells how much of a stretch of a file lies in the page cache. So what an app has in memory is taken from there, and only the rest from
//! the disk.
//!
//! What is told may be over by the time it is used. Only the way in which something is read depends on it, never what.
//!
//! One of four files with unsafe code: the call (`cachestat(2)`, Linux 6.5) is not in our libraries yet.
#![expect(unsafe_code, reason = "asking about the page cache has no safe interface yet")]

use std::os::fd::{AsRawFd, BorrowedFd};

/// `cachestat`, which has the same number on all architectures.
const CACHESTAT: libc::c_long = 451;

/// `struct cachestat_range` of `linux/mman.h`.
#[repr(C)]
struct Range {
    offset: u64,
    length: u64,
}

/// `struct cachestat`, in pages.
#[repr(C)]
#[derive(Default)]
struct CachedPages {
    cached: u64,
    dirty: u64,
    under_writeback: u64,
    evicted: u64,
    evicted_recently: u64,
}

/// Returns how many bytes of a stretch the page cache holds, in whole pages; none where the kernel does not say. Linux 6.18 refuses who
/// neither owns the file nor may write to it.
#[must_use]
pub fn bytes_within(file: BorrowedFd<'_>, offset: u64, length: u64) -> Option<u64> {
    let range = Range { offset, length };
    let mut found = CachedPages::default();
    // SAFETY: the kernel reads the first structure and writes the second, both ours and laid out as it has them.
    let outcome = unsafe { libc::syscall(CACHESTAT, file.as_raw_fd(), &raw const range, &raw mut found, 0) };
    (outcome == 0).then(|| found.cached.saturating_mul(rustix::param::page_size() as u64))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn what_was_written_just_now_is_in_the_cache_and_what_was_not_is_not() {
        const PAGE: u64 = 64 << 10;
        let file = tempfile::tempfile().expect("a file");
        file.write_all_at(&vec![1; PAGE as usize], PAGE).expect("written");
        let within = |offset, length| bytes_within(file.as_fd(), offset, length);
        let Some(first) = within(0, PAGE) else {
            let error = std::io::Error::last_os_error();
            assert!(matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)), "{error}");
            return;
        };
        assert_eq!((first, within(PAGE, PAGE), within(0, 4 * PAGE)), (0, Some(PAGE), Some(PAGE)));
    }
}
