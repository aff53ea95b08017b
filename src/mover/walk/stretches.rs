//! Which parts of a segment differ from what was there before, and what was there.
//!
//! Nothing of a volume is read here.

use std::ops::Range;

use crate::mover::ground::digest::{self, BLOCK_BYTES, BlockDigest, SEGMENT_BLOCKS};
use crate::mover::ground::fail::Result;
use crate::mover::manifest::known::KnownEntry;
use crate::mover::write::change::Piece;

/// Reads the digests of the blocks that a known file had in a segment.
pub(super) fn old_blocks(old: &KnownEntry, index: u64) -> Result<Vec<BlockDigest>> {
    let all = digest::block_count(old.entry.stamp.size);
    let first = index * SEGMENT_BLOCKS;
    let count = all.saturating_sub(first).min(SEGMENT_BLOCKS);
    match old.entry.blocks {
        Some(region) if count > 0 => old.blocks.read(region, first, count),
        // Most often a single block, of which only the content root is kept: it counts as different from anything.
        None => Ok(vec![BlockDigest::UNKNOWN; count as usize]),
        Some(_) => Ok(Vec::new()),
    }
}

/// Returns the next segment, from one on, in which a known file may have had anything but zeros.
pub(super) fn next_old(old: &KnownEntry, from: u64) -> Option<u64> {
    let first = from * SEGMENT_BLOCKS;
    let next = match old.entry.blocks {
        Some(region) => old.blocks.next(region, first)?,
        None => first,
    };
    (next < digest::block_count(old.entry.stamp.size)).then_some(next / SEGMENT_BLOCKS)
}

/// The least zeros that become a hole: smaller ones would break a file up for nothing.
const HOLE_BLOCKS: usize = (64 << 10) / BLOCK_BYTES;

/// Cuts a segment into the stretches that differ from before; what is past the old end was a hole.
///
/// The buffer may be empty for a segment that is all zeros.
pub(super) fn pieces<'a>(buffer: &'a [u8], length: u64, offset: u64, blocks: &[BlockDigest], before: &[BlockDigest]) -> Vec<Piece<'a>> {
    let mut pieces: Vec<Piece<'a>> = Vec::new();
    for (number, stretch) in blocks.chunks(HOLE_BLOCKS).enumerate() {
        let is_hole = stretch.iter().all(|block| *block == BlockDigest::ZEROS);
        for (index, block) in (number * HOLE_BLOCKS..).zip(stretch) {
            let is_same = before.get(index).map_or(is_hole, |old| old == block);
            if !is_same {
                let start = index * BLOCK_BYTES;
                add_block(&mut pieces, buffer, offset, start..(length as usize).min(start + BLOCK_BYTES), is_hole);
            }
        }
    }
    pieces
}

/// Adds a block, whose place in the buffer is given, to the stretch before it if it can.
fn add_block<'a>(pieces: &mut Vec<Piece<'a>>, buffer: &'a [u8], offset: u64, place: Range<usize>, is_hole: bool) {
    let start = offset + place.start as u64;
    let follows = |last: &&mut Piece<'a>| last.offset + last.length == start && last.bytes.is_none() == is_hole;
    match pieces.last_mut().filter(follows) {
        Some(last) => {
            last.length += place.len() as u64;
            let from = (last.offset - offset) as usize;
            last.bytes = (!is_hole).then(|| &buffer[from..place.end]);
        }
        None => pieces.push(Piece { offset: start, length: place.len() as u64, bytes: (!is_hole).then(|| &buffer[place]) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(content: &[u8], before: &[u8]) -> Vec<(u64, u64, bool)> {
        let (blocks, before) = (digest::of_segment(content), digest::of_segment(before));
        let pieces = pieces(content, content.len() as u64, 0, &blocks, &before);
        pieces.iter().map(|piece| (piece.offset / BLOCK_BYTES as u64, piece.length / BLOCK_BYTES as u64, piece.bytes.is_none())).collect()
    }

    fn filled(blocks: usize, zeros: std::ops::Range<usize>) -> Vec<u8> {
        let mut content = vec![1; blocks * BLOCK_BYTES];
        content[zeros.start * BLOCK_BYTES..zeros.end * BLOCK_BYTES].fill(0);
        content
    }

    #[test]
    fn a_changed_block_is_cut_out_alone() {
        let mut content = filled(32, 0..0);
        content[11 * BLOCK_BYTES] = 2;
        assert_eq!(cut(&content, &filled(32, 0..0)), [(11, 1, false)]);
        assert_eq!(cut(&content, &content), []);
    }

    #[test]
    fn few_zeros_are_written_and_many_are_a_hole() {
        assert_eq!(cut(&filled(32, 9..12), &[]), [(0, 32, false)]);
        assert_eq!(cut(&filled(32, 7..17), &[]), [(0, 8, false), (16, 16, false)]);
        assert_eq!(cut(&filled(32, 8..16), &filled(32, 0..0)), [(8, 8, true)]);
        assert_eq!(cut(&filled(32, 8..16), &filled(32, 8..16)), []);
    }
}
