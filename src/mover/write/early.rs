//! Reads whole segments of large new files back from the disk while others still arrive. So the proof of a first pass need not begin
//! when all is there.
//!
//! The look over the target takes what was read here only of a file that has the very stamp which its last change left. It reads
//! whatever was not read by then. Nothing waits for this: what does not fit in its queue is left to that look. A segment that is written
//! twice is none of its business. Only files are offered of which such reads come from the disk itself, see [`direct::is_direct`]. That the disk
//! keeps what was read is not shown here but by the sync, which comes after.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use super::change::Piece;
use crate::mover::disk::buffer::Buffer;
use crate::mover::disk::direct;
use crate::mover::disk::stat::Stamp;
use crate::mover::ground::digest::{self, BlockDigest, SEGMENT_BLOCKS, SEGMENT_BYTES};
use crate::mover::ground::fail::Result;
use crate::mover::ground::work;
use crate::mover::manifest::blocks::Blocks;

/// Segments that wait to be read.
const WAITING_MAX: usize = 64;
/// Segments that are remembered: 1 TiB, at some 70 bytes each.
const SEGMENTS_MAX: usize = 1 << 18;
/// Files that are remembered, by paths that may be long.
const FILES_MAX: usize = 1 << 14;
/// Threads that read: two keep a disk busy.
const READERS: usize = 2;

/// What of a first pass was read back already.
#[derive(Debug)]
pub struct EarlyReader {
    shared: Arc<EarlyReads>,
    readers: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct EarlyReads {
    /// The digests of the blocks of each segment that was read.
    blocks: Blocks,
    state: Mutex<EarlyState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct EarlyState {
    waiting: VecDeque<PendingSegment>,
    is_closed: bool,
    /// By the number of a file within the pass and the index of a segment.
    segments: BTreeMap<(u64, u64), SegmentState>,
    /// By path: the number that a complete file had, and its stamp.
    complete: HashMap<Vec<u8>, (u64, Stamp)>,
}

#[derive(Debug)]
struct PendingSegment {
    number: u64,
    index: u64,
    direct: Arc<OwnedFd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SegmentState {
    /// It is to be read.
    Queued,
    /// It was read, and its digests are in this region.
    Read(u64),
    /// It was written more than once, or cannot be read here.
    Left,
}

impl EarlyReader {
    /// Begins to read what will be offered; digests are kept in this folder for the while.
    pub fn begin(folder: &Path) -> Result<EarlyReader> {
        let blocks = Blocks::scratch(folder)?;
        let shared = Arc::new(EarlyReads { blocks, state: Mutex::default(), changed: Condvar::new() });
        let reader = || {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.read_all())
        };
        let readers = Mutex::new((0..READERS).map(|_| reader()).collect());
        Ok(EarlyReader { shared, readers })
    }

    /// Says that a segment of the file at a path is about to be written: if it was before, what is read of it means nothing.
    pub fn expect(&self, number: u64, index: u64, path: &[u8]) {
        let mut state = self.shared.lock();
        state.complete.remove(path);
        if let Some(segment) = state.segments.get_mut(&(number, index)) {
            *segment = SegmentState::Left;
        }
    }

    /// Says that these pieces of a segment are written, which is read back if it is whole. The file is that past the page cache.
    pub fn offer(&self, number: u64, index: u64, pieces: &[Piece<'_>], direct: &Arc<OwnedFd>) {
        if !is_whole(pieces) {
            return;
        }
        let mut state = self.shared.lock();
        let has_room = !state.is_closed && state.waiting.len() < WAITING_MAX && state.segments.len() < SEGMENTS_MAX;
        if !has_room || state.segments.contains_key(&(number, index)) {
            return;
        }
        state.segments.insert((number, index), SegmentState::Queued);
        state.waiting.push_back(PendingSegment { number, index, direct: Arc::clone(direct) });
        self.shared.changed.notify_one();
    }

    /// Says that the file of this number is complete, with the stamp that it has now.
    pub fn complete(&self, number: u64, path: &[u8], stamp: Stamp) {
        let mut state = self.shared.lock();
        if state.complete.len() < FILES_MAX {
            state.complete.insert(path.to_vec(), (number, stamp));
        }
    }

    /// Says that something else is done to a path.
    pub fn forget(&self, path: &[u8]) {
        self.shared.lock().complete.remove(path);
    }

    /// Ends reading; what waits is left.
    pub fn end(&self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        state.waiting.clear();
        drop(state);
        self.shared.changed.notify_all();
        let readers = std::mem::take(&mut *self.readers.lock().expect("no thread panics while it holds this lock"));
        for reader in readers {
            work::joined(reader.join());
        }
    }

    /// Returns which segments of the file at this path were read, and where their digests are, if it has this stamp.
    #[must_use]
    pub fn segments(&self, path: &[u8], stamp: Stamp) -> HashMap<u64, u64> {
        let state = self.shared.lock();
        let Some(&(number, _)) = state.complete.get(path).filter(|(_, then)| *then == stamp) else {
            return HashMap::new();
        };
        // The last one may have been cut off when its file was complete.
        let whole = state.segments.range((number, 0)..(number, stamp.size / SEGMENT_BYTES as u64));
        let region = |(&(_, index), segment): (&(u64, u64), &SegmentState)| match segment {
            SegmentState::Read(region) => Some((index, *region)),
            SegmentState::Queued | SegmentState::Left => None,
        };
        whole.filter_map(region).collect()
    }

    /// Returns the digests of the blocks of a segment.
    pub fn blocks(&self, region: u64) -> Result<Vec<BlockDigest>> {
        self.shared.blocks.read(region, 0, SEGMENT_BLOCKS)
    }

    /// Returns how many bytes were read.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        let state = self.shared.lock();
        let read = state.segments.values().filter(|segment| matches!(segment, SegmentState::Read(_))).count();
        (read * SEGMENT_BYTES) as u64
    }
}

impl Drop for EarlyReader {
    fn drop(&mut self) {
        self.end();
    }
}

/// Returns whether these pieces are all of a segment, and no hole.
fn is_whole(pieces: &[Piece<'_>]) -> bool {
    matches!(pieces, [piece] if piece.bytes.is_some() && piece.length == SEGMENT_BYTES as u64)
}

impl EarlyReads {
    fn lock(&self) -> MutexGuard<'_, EarlyState> {
        self.state.lock().expect("no thread panics while it holds this lock")
    }

    fn read_all(&self) {
        let mut buffer = Buffer::default();
        while let Some(waiting) = self.next() {
            let outcome = self.read(&waiting, &mut buffer).unwrap_or(SegmentState::Left);
            let mut state = self.lock();
            if let Some(segment) =
                state.segments.get_mut(&(waiting.number, waiting.index)).filter(|segment| **segment == SegmentState::Queued)
            {
                *segment = outcome;
            }
        }
    }

    fn next(&self) -> Option<PendingSegment> {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(waiting) = state.waiting.pop_front() {
                return Some(waiting);
            }
            state = self.changed.wait(state).expect("no thread panics while it holds this lock");
        }
    }

    /// Reads a segment past the page cache, for which the kernel writes it first; none where that fails.
    fn read(&self, waiting: &PendingSegment, buffer: &mut Buffer) -> Option<SegmentState> {
        let offset = waiting.index * SEGMENT_BYTES as u64;
        buffer.set_length(SEGMENT_BYTES);
        if !direct::fill(buffer.padded(), waiting.direct.as_fd(), offset, SEGMENT_BYTES) {
            return None;
        }
        let region = self.blocks.reserve(SEGMENT_BYTES as u64)?;
        self.blocks.write(region, 0, &digest::of_segment(buffer)).ok()?;
        Some(SegmentState::Read(region))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;
    use std::time::{Duration, Instant};

    use rustix::fs::OFlags;

    use super::*;
    use crate::mover::disk::{direct, stat};

    const SEGMENT: u64 = SEGMENT_BYTES as u64;
    const DEADLINE: Duration = Duration::from_secs(60);

    fn whole(bytes: &[u8]) -> [Piece<'_>; 1] {
        [Piece { offset: 0, length: bytes.len() as u64, bytes: Some(bytes) }]
    }

    struct Target {
        folder: tempfile::TempDir,
        direct: Arc<OwnedFd>,
        early: EarlyReader,
    }

    impl Target {
        fn new() -> Target {
            let folder = tempfile::tempdir().expect("a folder");
            let file = File::create_new(folder.path().join("file")).expect("a file");
            let early = EarlyReader::begin(&folder.path().join("state")).expect("a file for digests");
            let direct = direct::open(file.as_fd(), OFlags::RDWR).expect("disks have it, and so has memory since Linux 6.6");
            Target { folder, direct: Arc::new(direct), early }
        }

        fn writable(&self) -> File {
            File::options().write(true).open(self.folder.path().join("file")).expect("the file")
        }

        /// Writes a segment full of this byte, as a pass does.
        fn write(&self, index: u64, byte: u8) -> Vec<u8> {
            self.early.expect(1, index, b"file");
            let bytes = vec![byte; SEGMENT_BYTES];
            self.writable().write_all_at(&bytes, index * SEGMENT).expect("written");
            self.early.offer(1, index, &whole(&bytes), &self.direct);
            bytes
        }

        fn stamp(&self) -> Stamp {
            stat::see(self.direct.as_fd()).expect("it is there").stamp
        }

        fn wait_until(&self, is_so: impl Fn(&EarlyState) -> bool) {
            let began = Instant::now();
            while !is_so(&self.early.shared.lock()) {
                assert!(began.elapsed() < DEADLINE, "the segments were not read");
                std::thread::sleep(Duration::from_millis(1));
            }
        }

        fn wait_until_read(&self, segments: usize) {
            self.wait_until(|state| state.segments.values().filter(|segment| matches!(segment, SegmentState::Read(_))).count() == segments);
        }

        fn segments(&self) -> Vec<u64> {
            let mut segments: Vec<u64> = self.early.segments(b"file", self.stamp()).into_keys().collect();
            segments.sort_unstable();
            segments
        }
    }

    #[test]
    fn what_is_read_is_known_by_its_digests() {
        let target = Target::new();
        let content = [target.write(0, 1), target.write(1, 2), target.write(2, 3)];
        target.wait_until_read(3);
        assert!(target.segments().is_empty(), "the file is not complete");
        target.early.complete(1, b"file", target.stamp());
        let regions = target.early.segments(b"file", target.stamp());
        for (bytes, index) in content.iter().zip(0..) {
            assert_eq!(target.early.blocks(regions[&index]).expect("digests"), digest::of_segment(bytes));
        }
    }

    #[test]
    fn a_file_that_changed_since_it_was_complete_is_not_known() {
        let target = Target::new();
        target.write(0, 1);
        target.wait_until_read(1);
        target.early.complete(1, b"file", target.stamp());
        assert_eq!(target.segments(), [0]);
        target.early.forget(b"file");
        assert!(target.segments().is_empty());
        target.early.complete(1, b"file", target.stamp());
        let stamp = target.stamp();
        // A clock that ticks 250 times a second stamps anew at last.
        while target.stamp() == stamp {
            target.writable().write_all_at(&[4], 0).expect("written");
        }
        assert!(target.segments().is_empty());
    }

    #[test]
    fn a_segment_that_was_cut_off_is_not_known() {
        let target = Target::new();
        target.write(0, 1);
        target.write(1, 2);
        target.wait_until_read(2);
        target.writable().set_len(2 * SEGMENT - 1).expect("cut off");
        target.early.complete(1, b"file", target.stamp());
        assert_eq!(target.segments(), [0]);
    }

    #[test]
    fn a_segment_that_is_written_again_is_left() {
        let target = Target::new();
        for index in 0..8 {
            target.write(index, 1);
            target.write(index, 2);
        }
        target.write(8, 1);
        target.wait_until_read(1);
        target.early.complete(1, b"file", target.stamp());
        assert_eq!(target.segments(), [8]);
    }

    #[test]
    fn parts_of_a_segment_and_holes_are_left() {
        let target = Target::new();
        let bytes = vec![1; SEGMENT_BYTES];
        let piece = |offset: u64, length: usize| Piece { offset, length: length as u64, bytes: Some(&bytes[..length]) };
        target.early.offer(1, 0, &[piece(0, SEGMENT_BYTES / 2)], &target.direct);
        target.early.offer(1, 1, &[piece(SEGMENT, 8192), piece(SEGMENT + 16384, 8192)], &target.direct);
        target.early.offer(1, 2, &[Piece { bytes: None, ..piece(2 * SEGMENT, SEGMENT_BYTES) }], &target.direct);
        target.early.offer(1, 3, &[], &target.direct);
        assert!(target.early.shared.lock().segments.is_empty());
    }

    #[test]
    fn what_cannot_be_read_whole_is_left() {
        let target = Target::new();
        target.early.offer(1, 0, &whole(&vec![1; SEGMENT_BYTES]), &target.direct);
        target.wait_until(|state| state.segments[&(1, 0)] == SegmentState::Left);
    }

    #[test]
    fn nothing_is_taken_once_it_has_ended() {
        let target = Target::new();
        target.early.end();
        target.write(0, 1);
        target.early.complete(1, b"file", target.stamp());
        assert!(target.segments().is_empty() && target.early.shared.lock().waiting.is_empty());
    }
}
