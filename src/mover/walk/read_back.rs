//! Reads back what was written of a segment, of a large file or a device: its stretches all at once where the kernel does that.
//!
//! Pages that changed all over a file are the common case. Each alone costs the disk a request and a wait while the app is down.
//! What did not come with the others is left to the caller's way to read one stretch, which tells better what is wrong.

use std::ops::Range;
use std::os::fd::BorrowedFd;

use super::worker::Worker;
use crate::mover::disk::buffer::ALIGNMENT;
use crate::mover::disk::together::{BatchRead, READS_MAX};
use crate::mover::ground::digest::{self, BLOCK_BYTES, BlockDigest};
use crate::mover::ground::fail::Result;
use crate::mover::write::touched::WrittenBlocks;

/// A segment of which something is read back.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentSpan<'a> {
    /// Where it begins.
    pub offset: u64,
    /// How long it is, which is less than a whole one at the end.
    pub length: u64,
    /// The file or device past the page cache, where that can be had.
    pub direct: Option<BorrowedFd<'a>>,
}

/// Replaces the digests of the blocks that were written by those of what the disk has. Returns how many bytes were read at once; what was
/// not is asked for by its place within the segment and its length.
pub(super) fn read_back<'a>(
    segment: SegmentSpan<'_>,
    written: &WrittenBlocks,
    blocks: &mut [BlockDigest],
    worker: &mut Worker<'a>,
    mut read: impl FnMut(u64, u64, &mut Worker<'a>) -> Result<Vec<BlockDigest>>,
) -> Result<u64> {
    let mut bytes = 0;
    for stretches in written.stretches(blocks.len()).chunks(READS_MAX) {
        let (at_once, left) = match segment.direct {
            Some(direct) => read_together(segment, direct, stretches, blocks, worker),
            None => (0, stretches.to_vec()),
        };
        bytes += at_once;
        for stretch in left {
            let (place, length) = segment.place(&stretch);
            blocks[stretch].copy_from_slice(&read(place, length, worker)?);
        }
    }
    Ok(bytes)
}

/// Reads stretches at once, and digests those that came whole; returns how many bytes these are, and the others.
fn read_together(
    segment: SegmentSpan<'_>,
    direct: BorrowedFd<'_>,
    stretches: &[Range<usize>],
    blocks: &mut [BlockDigest],
    worker: &mut Worker<'_>,
) -> (u64, Vec<Range<usize>>) {
    let mut room = 0;
    let reads = stretches.iter().map(|stretch| {
        let (place, length) = segment.place(stretch);
        let (at, length) = (room, (length as usize).next_multiple_of(ALIGNMENT));
        room += length;
        BatchRead { file: direct, offset: segment.offset + place, at, length }
    });
    let reads: Vec<BatchRead<'_>> = reads.collect();
    worker.buffer.set_length(room);
    let brought = worker.read_together(&reads);
    let (mut bytes, mut left) = (0, Vec::new());
    for ((stretch, read), brought) in stretches.iter().zip(&reads).zip(brought) {
        let length = segment.place(stretch).1 as usize;
        if brought.is_some_and(|brought| brought >= length) {
            blocks[stretch.clone()].copy_from_slice(&digest::of_segment(&worker.buffer[read.at..read.at + length]));
            bytes += length as u64;
        } else {
            left.push(stretch.clone());
        }
    }
    (bytes, left)
}

impl SegmentSpan<'_> {
    /// Returns where blocks begin within the segment, and how many bytes they are.
    fn place(&self, stretch: &Range<usize>) -> (u64, u64) {
        let start = (stretch.start * BLOCK_BYTES) as u64;
        (start, self.length.min((stretch.end * BLOCK_BYTES) as u64) - start)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::fs::FileExt;

    use rustix::fs::OFlags;

    use super::*;
    use crate::mover::disk::direct;
    use crate::mover::ground::digest::SEGMENT_BYTES;
    use crate::mover::write::change::{NoLane, Piece};
    use crate::mover::write::touched::{TouchedPart, TouchedPaths};

    const BLOCK: u64 = BLOCK_BYTES as u64;
    const SEGMENT: u64 = SEGMENT_BYTES as u64;
    /// The second segment ends within a block that is not even a whole number of what direct reads are aligned to.
    const LENGTH: u64 = 200 * BLOCK + 4711;

    /// A file whose second segment was written in many places.
    struct ChangedFile {
        file: File,
        written: WrittenBlocks,
    }

    impl ChangedFile {
        fn new() -> ChangedFile {
            let file = tempfile::tempfile().expect("a file");
            file.set_len(SEGMENT + LENGTH).expect("a size");
            let touched = TouchedPaths::default();
            for block in (0..200).step_by(6).chain([200]) {
                let bytes = [block as u8 + 1; 100];
                let offset = SEGMENT + block * BLOCK + 17;
                file.write_all_at(&bytes, offset).expect("written");
                touched.add_segment(b"file", 1, &[Piece { offset, length: 100, bytes: Some(&bytes) }]);
            }
            let Some(TouchedPart::Segments(mut segments)) = touched.part(b"file") else { panic!("it was touched in parts") };
            ChangedFile { file, written: segments.remove(&1).expect("what was written") }
        }

        fn content(&self) -> Vec<u8> {
            let mut content = vec![0; LENGTH as usize];
            self.file.read_exact_at(&mut content, SEGMENT).expect("it is there");
            content
        }

        /// Reads back; returns the digests, how many bytes came at once, and how many stretches did not.
        fn read_back(&self, direct: Option<&OwnedFd>) -> (Vec<BlockDigest>, u64, usize) {
            let mut blocks = vec![BlockDigest::ZEROS; digest::block_count(LENGTH) as usize];
            let segment = SegmentSpan { offset: SEGMENT, length: LENGTH, direct: direct.map(AsFd::as_fd) };
            let mut asked = 0;
            let content = self.content();
            let read = |place: u64, length: u64, _: &mut Worker<'_>| {
                asked += 1;
                Ok(digest::of_segment(&content[place as usize..(place + length) as usize]))
            };
            let at_once = super::read_back(segment, &self.written, &mut blocks, &mut Worker::new(Box::new(NoLane)), read).expect("read");
            (blocks, at_once, asked)
        }
    }

    #[test]
    fn pages_all_over_a_segment_come_at_once() {
        let changed = ChangedFile::new();
        let direct = direct::open(changed.file.as_fd(), OFlags::RDONLY).expect("disks have it, and so has memory since Linux 6.6");
        assert_eq!(changed.read_back(Some(&direct)), (digest::of_segment(&changed.content()), 35 * BLOCK + 4711, 0));
    }

    #[test]
    fn what_cannot_be_read_at_once_is_read_one_by_one() {
        let changed = ChangedFile::new();
        assert_eq!(changed.read_back(None), (digest::of_segment(&changed.content()), 0, 34));
        let pipe = OwnedFd::from(std::io::pipe().expect("a pipe").0);
        assert_eq!(changed.read_back(Some(&pipe)), (digest::of_segment(&changed.content()), 0, 34));
    }
}
