//! Memory for one segment or frame, at an address that reads and writes past the page cache accept.
//!
//! It is reused from one to the next; what is in it beyond what was read last means nothing.

use std::ops::{Deref, DerefMut};

/// What devices ask of the address, the place and the length of a read or write past the page cache.
pub const ALIGNMENT: usize = 4096;

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
        let needed = length.next_multiple_of(ALIGNMENT) + ALIGNMENT;
        if length > 0 && self.bytes.len() < needed {
            // Not resized, which would copy what is of no use.
            self.bytes = vec![0; needed];
            self.start = self.bytes.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
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
