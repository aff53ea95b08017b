//! Digests of content: BLAKE3 of 8 KiB blocks, and from these one content root a file.
//!
//! A block of zeros has a digest of zeros and is never hashed. So holes cost nothing and a file has the same root whether
//! its zeros are written or not. Blocks are as small as the pages of databases, so that a changed page costs no more than itself;
//! of their digests 128 bits are kept. Files are cut into 4 MiB segments, which are the unit of work.

use serde::{Deserialize, Serialize};

/// Bytes in a block: the unit of comparison.
pub const BLOCK_BYTES: usize = 8 << 10;
/// Bytes in a segment: the unit of work.
pub const SEGMENT_BYTES: usize = 4 << 20;
/// Blocks in a segment.
pub const SEGMENT_BLOCKS: u64 = (SEGMENT_BYTES / BLOCK_BYTES) as u64;

/// A BLAKE3 digest, or zeros for content that is all zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(#[serde(with = "serde_bytes")] pub [u8; 32]);

impl Digest {
    /// The digest that stands for zeros, and for nothing at all.
    pub const ZEROS: Digest = Digest([0; 32]);

    /// Returns the digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(blake3::hash(bytes).into())
    }

    /// Returns the digest as 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The first half of the BLAKE3 digest of a block, or zeros for a block that is all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockDigest(pub [u8; BlockDigest::BYTES]);

impl BlockDigest {
    /// How long it is.
    pub const BYTES: usize = 16;
    /// The digest of a block of zeros.
    pub const ZEROS: BlockDigest = BlockDigest([0; BlockDigest::BYTES]);
    /// No block has this digest.
    pub const UNKNOWN: BlockDigest = BlockDigest([0xff; BlockDigest::BYTES]);

    /// Takes consecutive digests from bytes, which are a multiple of [`BlockDigest::BYTES`].
    #[must_use]
    pub fn all_in(bytes: &[u8]) -> Vec<BlockDigest> {
        let (digests, _) = bytes.as_chunks::<{ BlockDigest::BYTES }>();
        digests.iter().copied().map(BlockDigest).collect()
    }
}

/// Returns the digest of one block, without hashing when it is all zeros.
#[must_use]
pub fn of_block(block: &[u8]) -> BlockDigest {
    if is_zero(block) {
        return BlockDigest::ZEROS;
    }
    let mut half = BlockDigest::ZEROS;
    half.0.copy_from_slice(&blake3::hash(block).as_bytes()[..BlockDigest::BYTES]);
    half
}

/// Returns the digests of the blocks of a segment.
#[must_use]
pub fn of_segment(segment: &[u8]) -> Vec<BlockDigest> {
    segment.chunks(BLOCK_BYTES).map(of_block).collect()
}

/// Returns whether all bytes are zero; stops at the first that is not.
#[must_use]
pub fn is_zero(bytes: &[u8]) -> bool {
    let mut chunks = bytes.chunks_exact(64);
    chunks.all(|chunk| chunk.iter().fold(0, |all, &byte| all | byte) == 0)
        && bytes.chunks_exact(64).remainder().iter().all(|&byte| byte == 0)
}

/// Returns the number of blocks in a file of this size.
#[must_use]
pub fn block_count(size: u64) -> u64 {
    size.div_ceil(BLOCK_BYTES as u64)
}

/// Returns the number of segments in a file of this size.
#[must_use]
pub fn segment_count(size: u64) -> u64 {
    size.div_ceil(SEGMENT_BYTES as u64)
}

/// Gathers the content root of a file from its segments, which must be added in ascending order.
pub struct ContentRoot(blake3::Hasher);

impl ContentRoot {
    /// Begins the root of a file of this size.
    #[must_use]
    pub fn new(size: u64) -> ContentRoot {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&size.to_le_bytes());
        ContentRoot(hasher)
    }

    /// Adds a segment, given by [`of_blocks`].
    pub fn add(&mut self, index: u64, segment: Digest) {
        if segment != Digest::ZEROS {
            self.0.update(&index.to_le_bytes());
            self.0.update(&segment.0);
        }
    }

    /// Returns the root.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// Returns the digest of a segment from the digests of its blocks.
#[must_use]
pub fn of_blocks(blocks: &[BlockDigest]) -> Digest {
    if blocks.iter().all(|block| *block == BlockDigest::ZEROS) {
        return Digest::ZEROS;
    }
    let mut hasher = blake3::Hasher::new();
    for block in blocks {
        hasher.update(&block.0);
    }
    Digest(hasher.finalize().into())
}

/// Returns the content root of a file that is one segment or less.
#[must_use]
pub fn of_small(size: u64, blocks: &[BlockDigest]) -> Digest {
    let mut root = ContentRoot::new(size);
    root.add(0, of_blocks(blocks));
    root.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_told_from_data_at_every_place() {
        for length in [0, 1, 63, 64, 65, 130] {
            let mut bytes = vec![0; length];
            assert!(is_zero(&bytes));
            for at in 0..length {
                bytes[at] = 1;
                assert!(!is_zero(&bytes), "{at} of {length}");
                bytes[at] = 0;
            }
        }
    }

    #[test]
    fn size_and_place_are_part_of_the_root() {
        let block = [of_block(b"x")];
        assert_ne!(of_small(1, &block), of_small(2, &block));
        let mut late = ContentRoot::new(1);
        late.add(1, of_blocks(&block));
        assert_ne!(of_small(1, &block), late.finish());
    }
}
