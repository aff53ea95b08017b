//! Memory for one segment or frame, at an address that reads and writes past the page cache accept.
//!
//! It is reused from one to the next; what is in it beyond what was read last means nothing. Large ones ask for huge pages: a request to
//! a disk names each stretch of memory that lies together, and with pages of 4 KiB there are a thousand for each segment.
//!
//! One of three files with unsafe code: advice about memory has no safe interface.
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
}
