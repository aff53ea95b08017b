//! Memory for one segment or frame, at an address that reads and writes past the page cache accept.
//!
//! It is reused from one to the next; what is in it beyond what was read last means nothing. Large ones ask for huge pages: a segment is
//! then two stretches of memory instead of up to a thousand, each of which a request to a disk has to name.
//!
//! One of four files with unsafe code: advice about memory has no safe interface.
#![expect(unsafe_code, reason = "advice about memory has no safe interface")]

use std::ops::{Deref, DerefMut};

use rustix::mm::Advice;

/// What devices ask of the address, the place and the length of a read or write past the page cache.
pub const ALIGNMENT: usize = 4096;

/// A huge page, and from what length on a buffer begins at one.
const HUGE_BYTES: usize = 2 << 20;

/// A buffer.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

impl Buffer {
    /// Makes it this long; what is new in it is undefined but initialised.
    pub fn set_length(&mut self, length: usize) {
        let room = length.next_multiple_of(ALIGNMENT);
        if self.bytes.len() < self.start + room {
            // Not resized, which would copy what is of no use.
            let alignment = if length < HUGE_BYTES { ALIGNMENT } else { HUGE_BYTES };
            self.bytes = vec![0; room + alignment];
            self.start = self.bytes.as_ptr().align_offset(alignment).min(alignment);
            if alignment == HUGE_BYTES {
                ask_for_huge_pages(&mut self.bytes[self.start..self.start + room / HUGE_BYTES * HUGE_BYTES]);
            }
        }
        self.length = length;
    }

    /// Returns how many bytes are set aside for it.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Makes it empty.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// Returns it with what is needed to make its length a multiple of [`ALIGNMENT`].
    pub fn padded(&mut self) -> &mut [u8] {
        let length = self.length.next_multiple_of(ALIGNMENT);
        &mut self.bytes[self.start..self.start + length]
    }
}

/// Memory that was touched already keeps the pages that it has; a kernel without huge pages says no.
fn ask_for_huge_pages(bytes: &mut [u8]) {
    // SAFETY: the stretch is memory of ours that begins at a page, and the advice changes nothing about what is in it.
    let _ = unsafe { rustix::mm::madvise(bytes.as_mut_ptr().cast(), bytes.len(), Advice::LinuxHugepage) };
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_aligned_at_every_length() {
        let mut buffer = Buffer::default();
        for length in [0, 1, 0, ALIGNMENT - 1, ALIGNMENT, ALIGNMENT + 1, 3, 4 << 20] {
            buffer.set_length(length);
            assert_eq!(buffer.len(), length);
            assert_eq!(buffer.padded().len() % ALIGNMENT, 0);
            assert!(length == 0 || buffer.padded().as_ptr().align_offset(ALIGNMENT) == 0);
        }
    }

    /// Returns the flags that the kernel keeps for the mapping in which an address lies (`VmFlags` in `/proc/PID/smaps`).
    fn flags_at(address: usize) -> String {
        let maps = std::fs::read_to_string("/proc/self/smaps").expect("it can be read");
        let has_address = |line: &str| {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            let number = |digits| usize::from_str_radix(digits, 16).ok();
            range.and_then(|(from, to)| Some(number(from)?..number(to)?)).is_some_and(|range| range.contains(&address))
        };
        let flags = maps.lines().skip_while(|line| !has_address(line)).find_map(|line| line.strip_prefix("VmFlags:"));
        flags.expect("all memory is mapped").to_owned()
    }

    #[test]
    fn a_large_one_asks_for_huge_pages_where_the_kernel_has_them() {
        let has_them = std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists();
        let mut buffer = Buffer::default();
        buffer.set_length(4 << 20);
        assert_eq!(buffer.as_ptr().align_offset(HUGE_BYTES), 0);
        for at in [0, HUGE_BYTES, 2 * HUGE_BYTES - 1] {
            let flags = flags_at(buffer[at..].as_ptr().addr());
            assert_eq!(flags.split_whitespace().any(|flag| flag == "hg"), has_them, "{flags}");
        }
    }
}
