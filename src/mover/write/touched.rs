//! What this process wrote at the target since the target's manifest was made, so that it is read back from the disk.
//!
//! Kept in memory only: after a restart stamps decide, and where they do not, content.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Mutex;

use super::change::Piece;
use crate::mover::ground::digest::{BLOCK_BYTES, SEGMENT_BLOCKS, SEGMENT_BYTES};

const WORDS: usize = SEGMENT_BLOCKS as usize / 64;

/// Blocks that lie this close together are read in one go, with what is between them.
const GAP_BLOCKS: usize = 4;

/// What was written of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TouchedPart {
    /// It may differ anywhere.
    All,
    /// Only these segments, and the metadata.
    Segments(BTreeMap<u64, WrittenBlocks>),
}

/// What was written of one segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WrittenBlocks {
    /// Nothing.
    #[default]
    Nothing,
    /// It may differ anywhere.
    All,
    /// Only these blocks, a bit for each.
    Blocks(Box<[u64; WORDS]>),
}

impl WrittenBlocks {
    /// Adds what pieces of this segment cover, even in part.
    fn add(&mut self, segment: u64, pieces: &[Piece<'_>]) {
        for piece in pieces {
            self.add_blocks(blocks_of(segment, piece));
        }
    }

    fn add_blocks(&mut self, blocks: Range<usize>) {
        if blocks.len() == SEGMENT_BLOCKS as usize {
            *self = WrittenBlocks::All;
        }
        if matches!(self, WrittenBlocks::Nothing) {
            *self = WrittenBlocks::Blocks(Box::default());
        }
        if let WrittenBlocks::Blocks(bits) = self {
            blocks.for_each(|block| bits[block / 64] |= 1 << (block % 64));
        }
    }

    /// The stretches of blocks to be read back, of a segment that has this many.
    #[must_use]
    pub fn stretches(&self, count: usize) -> Vec<Range<usize>> {
        let bits = match self {
            WrittenBlocks::Nothing => return Vec::new(),
            WrittenBlocks::All => return std::iter::once(0..count).collect(),
            WrittenBlocks::Blocks(bits) => bits,
        };
        let mut stretches: Vec<Range<usize>> = Vec::new();
        for block in (0..count).filter(|block| bits[block / 64] & (1 << (block % 64)) != 0) {
            match stretches.last_mut().filter(|last| block - last.end <= GAP_BLOCKS) {
                Some(last) => last.end = block + 1,
                None => stretches.push(block..block + 1),
            }
        }
        stretches
    }
}

/// The blocks of a segment that a piece covers, even in part.
fn blocks_of(segment: u64, piece: &Piece<'_>) -> Range<usize> {
    let start = segment * SEGMENT_BYTES as u64;
    let within = |offset: u64| offset.saturating_sub(start).min(SEGMENT_BYTES as u64) as usize;
    within(piece.offset) / BLOCK_BYTES..within(piece.offset + piece.length).div_ceil(BLOCK_BYTES)
}

/// What of memory this may take, roughly: a million paths of some 70 bytes.
const NOTED_BYTES_MAX: usize = 160 << 20;
/// What a path takes besides its bytes, roughly, and what a segment of it does.
const PATH_BYTES: usize = 96;
const SEGMENT_NOTE_BYTES: usize = 128;

/// The paths that were written. Once there are too many of them, everything counts as written.
#[derive(Debug)]
pub struct TouchedPaths {
    bytes_max: usize,
    noted: Mutex<PathNotes>,
}

#[derive(Debug, Default)]
struct PathNotes {
    paths: HashMap<Vec<u8>, TouchedPart>,
    bytes: usize,
    is_everything: bool,
}

impl PathNotes {
    fn part(&self, path: &[u8]) -> Option<&TouchedPart> {
        if self.is_everything { Some(&TouchedPart::All) } else { self.paths.get(path) }
    }
}

impl Default for TouchedPaths {
    fn default() -> TouchedPaths {
        TouchedPaths::bounded(NOTED_BYTES_MAX)
    }
}

impl TouchedPaths {
    fn bounded(bytes_max: usize) -> TouchedPaths {
        TouchedPaths { bytes_max, noted: Mutex::default() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, PathNotes> {
        self.noted.lock().expect("no thread panics while it holds this lock")
    }

    /// Changes what is noted of a path, unless everything counts as written; the change returns how many bytes more it takes.
    fn note(&self, path: &[u8], change: impl FnOnce(&mut TouchedPart) -> usize) {
        let mut noted = self.lock();
        if noted.is_everything {
            return;
        }
        noted.bytes += match noted.paths.get_mut(path) {
            Some(part) => change(part),
            None => {
                let mut part = TouchedPart::Segments(BTreeMap::new());
                let bytes = path.len() + PATH_BYTES + change(&mut part);
                noted.paths.insert(path.to_vec(), part);
                bytes
            }
        };
        if noted.bytes > self.bytes_max {
            *noted = PathNotes { is_everything: true, ..PathNotes::default() };
        }
    }

    /// Notes that a path was made or changed anywhere.
    pub fn add(&self, path: &[u8]) {
        self.note(path, |part| {
            *part = TouchedPart::All;
            0
        });
    }

    /// Notes that these pieces of a segment of a path are written.
    pub fn add_segment(&self, path: &[u8], index: u64, pieces: &[Piece<'_>]) {
        self.note(path, |part| {
            let TouchedPart::Segments(segments) = part else { return 0 };
            let before = segments.len();
            segments.entry(index).or_default().add(index, pieces);
            (segments.len() - before) * SEGMENT_NOTE_BYTES
        });
    }

    /// Notes that the metadata or size of a path was set, without forgetting which segments were written.
    pub fn add_metadata(&self, path: &[u8]) {
        self.note(path, |_| 0);
    }

    /// Returns whether a path was touched.
    #[must_use]
    pub fn contains(&self, path: &[u8]) -> bool {
        self.lock().part(path).is_some()
    }

    /// Returns what of a path was touched.
    #[must_use]
    pub fn part(&self, path: &[u8]) -> Option<TouchedPart> {
        self.lock().part(path).cloned()
    }

    /// Returns what of one segment of a path was touched.
    #[must_use]
    pub fn segment(&self, path: &[u8], index: u64) -> WrittenBlocks {
        match self.lock().part(path) {
            None => WrittenBlocks::Nothing,
            Some(TouchedPart::All) => WrittenBlocks::All,
            Some(TouchedPart::Segments(segments)) => segments.get(&index).cloned().unwrap_or_default(),
        }
    }

    /// Forgets all, once a manifest of it is made.
    pub fn clear(&self) {
        *self.lock() = PathNotes::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: u64 = BLOCK_BYTES as u64;
    const SEGMENT: u64 = SEGMENT_BYTES as u64;

    fn after(segment: u64, pieces: &[(u64, u64)]) -> WrittenBlocks {
        let mut written = WrittenBlocks::default();
        let pieces: Vec<Piece<'_>> =
            pieces.iter().map(|(offset, length)| Piece { offset: *offset, length: *length, bytes: None }).collect();
        written.add(segment, &pieces);
        written
    }

    fn ends(written: &WrittenBlocks, count: usize) -> Vec<(usize, usize)> {
        written.stretches(count).into_iter().map(|stretch| (stretch.start, stretch.end)).collect()
    }

    #[test]
    fn every_block_that_a_piece_covers_in_part_is_read_back() {
        assert_eq!(ends(&after(0, &[(100 * BLOCK - 1, 2)]), 512), [(99, 101)]);
        assert_eq!(ends(&after(3, &[(3 * SEGMENT + 7 * BLOCK, BLOCK)]), 512), [(7, 8)]);
        assert_eq!(ends(&after(0, &[(SEGMENT - 1, 1)]), 512), [(511, 512)]);
        assert!(after(0, &[]).stretches(512).is_empty());
    }

    #[test]
    fn what_lies_close_together_is_read_in_one_go() {
        let (near, far) = (GAP_BLOCKS as u64 + 1, GAP_BLOCKS as u64 + 2);
        assert_eq!(after(0, &[(0, BLOCK), (near * BLOCK, BLOCK)]).stretches(512).len(), 1);
        assert_eq!(after(0, &[(0, BLOCK), (far * BLOCK, BLOCK)]).stretches(512).len(), 2);
    }

    #[test]
    fn a_whole_segment_stays_whole_and_ends_where_the_file_does() {
        let mut written = after(0, &[(0, SEGMENT)]);
        assert_eq!(written, WrittenBlocks::All);
        written.add(0, &[Piece { offset: BLOCK, length: BLOCK, bytes: None }]);
        assert_eq!(written, WrittenBlocks::All);
        assert_eq!(ends(&written, 9), [(0, 9)]);
        assert_eq!(ends(&after(0, &[(7 * BLOCK, 5 * BLOCK)]), 9), [(7, 9)]);
    }

    #[test]
    fn too_many_paths_or_segments_are_everything_until_a_manifest_is_made() {
        let piece = [Piece { offset: 0, length: 1, bytes: None }];
        let by_paths = |touched: &TouchedPaths| (0..100_u8).for_each(|number| touched.add(&[number]));
        let by_segments = |touched: &TouchedPaths| (0..100).for_each(|index| touched.add_segment(b"large", index, &piece));
        for fill in [&by_paths as &dyn Fn(&TouchedPaths), &by_segments] {
            let touched = TouchedPaths::bounded(9000);
            touched.add(b"one");
            assert!(!touched.contains(b"another") && touched.segment(b"another", 0) == WrittenBlocks::Nothing);
            fill(&touched);
            assert!(touched.contains(b"another") && touched.segment(b"another", 0) == WrittenBlocks::All);
            assert_eq!(touched.part(b"another"), Some(TouchedPart::All));
            assert!(touched.lock().paths.is_empty());
            touched.clear();
            assert!(!touched.contains(b"one"));
            touched.add(b"one");
            assert!(touched.contains(b"one") && !touched.contains(b"another"));
        }
    }
}
