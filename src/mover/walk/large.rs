//! Reads regular files: digests them by blocks, compares with what the target is known to hold, emits what differs.
//!
//! Small files (one segment) are done in one go, see [`super::small`]; large ones segment by segment, by all threads. Every file
//! is looked at before and after it is read. Nothing is ever mapped into memory, because the application may truncate it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rustix::fs::{Advice, OFlags};
use rustix::io::Errno;

use super::links::Group;
use super::look::{Made, Scan, Side, Subject, Worker};
use super::read_back;
use super::segments::Segments;
use super::small::SmallFile;
use crate::mover::disk::buffer::ALIGNMENT;
use crate::mover::disk::cached;
use crate::mover::disk::holes;
use crate::mover::disk::metadata::{self, Kind, Metadata, Seen};
use crate::mover::disk::quiet;
use crate::mover::disk::tree;
use crate::mover::ground::digest::{self, BLOCK_BYTES, BlockDigest, Digest, SEGMENT_BLOCKS, SEGMENT_BYTES};
use crate::mover::ground::fail::Result;
use crate::mover::ground::path;
use crate::mover::manifest::known::Known;
use crate::mover::manifest::reader::Entry;
use crate::mover::write::change::{Item, Piece};
use crate::mover::write::early::Early;
use crate::mover::write::touched::{Part, Written};

/// A large file, shared by the threads that work on its segments.
pub(super) struct LargeFile {
    subject: Subject,
    opened: OwnedFd,
    /// The same past the page cache.
    direct: Option<OwnedFd>,
    seen: Seen,
    metadata: Metadata,
    number: u64,
    is_new: bool,
    region: Option<u64>,
    /// What to take from memory, because it was not touched; none: read all.
    untouched: Option<Untouched>,
    /// Segments that were read back while the pass ran, and where their digests are.
    early: HashMap<u64, u64>,
    segments: Segments,
    emitted: AtomicU64,
    pub(super) group: Option<Group>,
}

struct Untouched {
    touched: BTreeMap<u64, Written>,
    /// From this segment on all may differ, because the size changed.
    resized_from: Option<u64>,
    known: Known,
}

impl LargeFile {
    /// Returns how many segments it has, holes among them.
    pub(super) fn count(&self) -> u64 {
        digest::segment_count(self.seen.stamp.size)
    }

    /// Returns what the target is known to hold in its place.
    fn old(&self) -> Option<&Known> {
        self.subject.old_of_kind().filter(|_| !self.is_new)
    }
}

impl Scan<'_> {
    pub(super) fn regular(&self, subject: &Subject, directory: BorrowedFd<'_>, must_replace: bool) -> Result<Made> {
        let (_, name) = path::split(&subject.path);
        let opened = match tree::open_quietly(directory, name, OFlags::RDONLY | OFlags::NONBLOCK) {
            Ok(opened) => opened,
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(Made::Vanished),
            Err(errno) => return Err(self.unreadable("opening", &subject.path, errno)),
        };
        let unreadable = |errno| self.unreadable("reading the metadata of", &subject.path, errno);
        let seen = metadata::see(opened.as_fd()).map_err(unreadable)?;
        if seen.kind != Kind::Regular {
            return Ok(Made::Vanished);
        }
        let metadata = metadata::read(opened.as_fd(), &seen).map_err(unreadable)?;
        let is_new = must_replace || subject.old_of_kind().is_none_or(|old| old.entry.lacks_blocks());
        if seen.stamp.size > SEGMENT_BYTES as u64 {
            return self.large(subject, opened, seen, metadata, is_new).map(|file| Made::Large(Box::new(file)));
        }
        Ok(Made::Small(SmallFile { opened, seen, metadata, is_new }))
    }

    /// Looks at a file again after it was read. One that changed meanwhile is hot whatever its stamps say.
    pub(super) fn is_hot_after(&self, file: BorrowedFd<'_>, before: &Seen, path: &[u8]) -> Result<bool> {
        let after = metadata::see(file).map_err(|errno| self.unreadable("looking at", path, errno))?;
        let is_changed = after.stamp != before.stamp;
        if is_changed {
            self.unsettled(path)?;
        }
        let is_hot = is_changed || self.clock.is_hot(before.stamp.ctime);
        if is_hot {
            self.progress.bytes_hot.add(before.stamp.size);
        }
        Ok(is_hot)
    }

    /// At the target, what was written must be read from the disk, not from memory.
    pub(super) fn drop_cache(&self, file: BorrowedFd<'_>, offset: u64, length: u64) {
        if matches!(self.side, Side::Target { .. }) {
            // A file system that does not know this advice only makes the proof weaker against its own disk; it is still read.
            let _ = rustix::fs::fadvise(file, offset, std::num::NonZero::new(length), Advice::DontNeed);
        }
    }

    /// Fills a part of a buffer; what a shrinking file lacks becomes zeros, and shows in its stamp.
    pub(super) fn fill(&self, buffer: &mut [u8], file: BorrowedFd<'_>, offset: u64, path: &[u8]) -> Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match quiet::read_at(file, &mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.unreadable("reading", path, errno)),
            }
        }
        buffer[filled..].fill(0);
        Ok(())
    }

    fn large(&self, subject: &Subject, opened: OwnedFd, seen: Seen, metadata: Metadata, is_new: bool) -> Result<LargeFile> {
        let size = seen.stamp.size;
        Ok(LargeFile {
            untouched: self.untouched(subject, &seen, is_new),
            early: self.early().map(|early| early.segments(&subject.path, seen.stamp)).unwrap_or_default(),
            subject: Subject {
                directory: std::sync::Arc::clone(&subject.directory),
                path: subject.path.clone(),
                seen: subject.seen,
                old: subject.old.clone(),
            },
            direct: self.open_direct(opened.as_fd()),
            opened,
            seen,
            metadata,
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            is_new,
            region: self.writer.blocks().reserve(size),
            segments: Segments::of(size),
            emitted: AtomicU64::new(0),
            group: None,
        })
    }

    /// Opens a large file past the page cache. At the target that is tried wherever a file system takes it, since the disk itself is to be read;
    /// at the source only where such reads do not go through the cache all the same, where nothing would be won.
    fn open_direct(&self, file: BorrowedFd<'_>) -> Option<OwnedFd> {
        let is_of_use = matches!(self.side, Side::Target { .. }) || quiet::is_direct(file);
        is_of_use.then(|| quiet::open_direct(file, OFlags::RDONLY)).flatten()
    }

    /// Returns whether a stretch is to be read past the page cache: at the target always, at the source where that is better.
    fn is_past_cache(&self, file: BorrowedFd<'_>, offset: u64, length: u64) -> bool {
        matches!(self.side, Side::Target { .. }) || is_better_past_cache(length, || cached::bytes_within(file, offset, length))
    }

    /// At the target only what was touched of a large file is read back, if this process knows all that was touched.
    fn untouched(&self, subject: &Subject, seen: &Seen, is_new: bool) -> Option<Untouched> {
        let Side::Target { touched, knows_all: true, .. } = self.side else {
            return None;
        };
        let known = subject.old_of_kind().filter(|old| old.stamp.is_some_and(|stamp| stamp.inode == seen.stamp.inode) && !is_new)?;
        let Some(Part::Segments(touched)) = touched.part(&subject.path) else {
            return None;
        };
        // Where the size changed, the segments around both ends changed without being written.
        let (old, new) = (known.entry.stamp.size, seen.stamp.size);
        let resized_from = (old != new).then(|| old.min(new).saturating_sub(1) / SEGMENT_BYTES as u64);
        Some(Untouched { touched, resized_from, known: known.clone() })
    }

    fn early(&self) -> Option<&Early> {
        if let Side::Target { early, .. } = self.side { early } else { None }
    }

    /// Works on the segments of a large file for as long as there are any; whoever ends last makes its entry.
    pub(super) fn segments(&self, file: &LargeFile, worker: &mut Worker<'_>) -> Result<()> {
        while let Some(claim) = file.segments.claim(|from| self.next_segment(file, from)) {
            self.cancel.check()?;
            let segment = self.segment(file, claim.index, worker)?;
            file.segments.settle(claim, segment);
        }
        match file.segments.root() {
            Some(content) => self.finish_large(file, content, worker),
            None => Ok(()),
        }
    }

    /// Returns the next segment that has data, or had some: those between are zeros and were zeros, of which nothing is to be done.
    fn next_segment(&self, file: &LargeFile, from: u64) -> Option<u64> {
        let data = holes::next_data(file.opened.as_fd(), from * SEGMENT_BYTES as u64).map(|at| at / SEGMENT_BYTES as u64);
        let old = file.old().and_then(|old| next_old(old, from));
        let next = data.into_iter().chain(old).min().filter(|index| *index < file.count());
        let passed_over = (next.unwrap_or(file.count()) - from) * SEGMENT_BYTES as u64;
        // Bytes are counted as far as they are allocated.
        self.progress.bytes_done.add(passed_over.min(file.seen.allocated.saturating_mul(512)));
        next
    }

    fn segment(&self, file: &LargeFile, index: u64, worker: &mut Worker<'_>) -> Result<Digest> {
        let offset = index * SEGMENT_BYTES as u64;
        let length = (file.seen.stamp.size - offset).min(SEGMENT_BYTES as u64);
        let blocks = match (self.early().zip(file.early.get(&index)), &file.untouched) {
            (Some((early, region)), _) => early.blocks(*region)?,
            (None, Some(untouched)) => self.read_touched(file, untouched, index, length, worker)?,
            (None, None) => self.read_stretch(file, offset, length, worker)?,
        };
        if let Some(region) = file.region {
            self.writer.blocks().write(region, index * SEGMENT_BLOCKS, &blocks)?;
        }
        self.progress.bytes_done.add(length);
        if matches!(self.side, Side::Source { .. }) {
            self.emit_segment(file, index, &blocks, worker)?;
        }
        Ok(digest::of_blocks(&blocks))
    }

    /// Emits what differs of a segment that was read to the worker's buffer.
    fn emit_segment(&self, file: &LargeFile, index: u64, blocks: &[BlockDigest], worker: &mut Worker<'_>) -> Result<()> {
        let offset = index * SEGMENT_BYTES as u64;
        let length = (file.seen.stamp.size - offset).min(SEGMENT_BYTES as u64);
        let before = match file.old() {
            Some(old) => old_blocks(old, index)?,
            None => Vec::new(),
        };
        let pieces = pieces(&worker.buffer, length, offset, blocks, &before);
        if pieces.is_empty() {
            return Ok(());
        }
        self.progress.bytes_changed.add(pieces.iter().filter(|piece| piece.bytes.is_some()).map(|piece| piece.length).sum());
        file.emitted.fetch_add(1, Ordering::Relaxed);
        let item = Item::Segment { file: file.number, path: file.subject.path.clone(), is_new: file.is_new, index };
        worker.lane.emit(item, &pieces)
    }

    /// Reads back what was touched of a segment at the target; the rest is known.
    fn read_touched(
        &self,
        file: &LargeFile,
        untouched: &Untouched,
        index: u64,
        length: u64,
        worker: &mut Worker<'_>,
    ) -> Result<Vec<BlockDigest>> {
        let offset = index * SEGMENT_BYTES as u64;
        let mut blocks = old_blocks(&untouched.known, index)?;
        blocks.resize(digest::block_count(length) as usize, BlockDigest::ZEROS);
        let is_resized = untouched.resized_from.is_some_and(|from| index >= from);
        let Some(written) = (if is_resized { Some(&Written::All) } else { untouched.touched.get(&index) }) else {
            return Ok(blocks);
        };
        self.drop_cache(file.opened.as_fd(), offset, length);
        let segment = read_back::Segment { offset, length, direct: file.direct.as_ref().map(AsFd::as_fd) };
        let at_once = read_back::read_back(segment, written, &mut blocks, worker, |place, length, worker| {
            self.read_stretch(file, offset + place, length, worker)
        })?;
        self.progress.bytes_read.add(at_once);
        Ok(blocks)
    }

    /// Reads a stretch of blocks within a segment, or finds it to be a hole; the buffer is empty then.
    fn read_stretch(&self, file: &LargeFile, offset: u64, length: u64, worker: &mut Worker<'_>) -> Result<Vec<BlockDigest>> {
        let mut blocks = vec![BlockDigest::ZEROS; digest::block_count(length) as usize];
        let data = holes::data_within(file.opened.as_fd(), offset, length);
        worker.buffer.set_length(if data.is_empty() { 0 } else { length as usize });
        let mut end = 0;
        for part in data {
            worker.buffer[end..part.start].fill(0);
            self.read_part(file, offset, part.clone(), worker)?;
            let digests = digest::of_segment(&worker.buffer[part.clone()]);
            blocks[part.start / BLOCK_BYTES..][..digests.len()].copy_from_slice(&digests);
            end = part.end;
        }
        worker.buffer[end..].fill(0);
        Ok(blocks)
    }

    /// Reads a part of a stretch to its place in the buffer.
    fn read_part(&self, file: &LargeFile, stretch: u64, part: Range<usize>, worker: &mut Worker<'_>) -> Result<()> {
        let (offset, length) = (stretch + part.start as u64, part.len() as u64);
        let opened = file.opened.as_fd();
        let direct = file.direct.as_ref().map(AsFd::as_fd).filter(|_| self.is_past_cache(opened, offset, length));
        let since = Instant::now();
        // Some file systems take a direct read and serve it from the cache.
        self.drop_cache(opened, offset, length);
        let into = &mut worker.buffer.padded()[part.start..];
        if !direct.is_some_and(|direct| fill_direct(into, direct, offset, part.len())) {
            self.fill(&mut worker.buffer[part], opened, offset, &file.subject.path)?;
        }
        worker.has_read(length, since, self.progress);
        self.progress.bytes_read.add(length);
        Ok(())
    }

    fn finish_large(&self, file: &LargeFile, content: Digest, worker: &mut Worker<'_>) -> Result<()> {
        let path = &file.subject.path;
        let size = file.seen.stamp.size;
        let is_hot = self.is_hot_after(file.opened.as_fd(), &file.seen, path)?;
        let entry = Entry {
            name: path::split(path).1.to_vec(),
            kind: Kind::Regular,
            stamp: file.seen.stamp,
            is_hot,
            metadata: file.metadata.digest(),
            content,
            blocks: file.region,
            lead: Vec::new(),
        };
        let segments = file.emitted.load(Ordering::Acquire);
        let is_same = file
            .subject
            .old_of_kind()
            .is_some_and(|old| old.entry.content == entry.content && old.entry.metadata == entry.metadata && old.entry.stamp.size == size);
        if file.is_new || segments > 0 || !is_same {
            self.progress.entries_changed.add(1);
            if file.is_new {
                self.touch(&file.subject.directory);
            }
            let item = Item::Finish {
                file: file.number,
                path: path.clone(),
                is_new: file.is_new,
                metadata: file.metadata.clone(),
                size,
                segments,
            };
            worker.lane.emit(item, &[])?;
        }
        match &file.group {
            Some(group) => {
                self.settle_group(group, &entry, file.is_new);
                Ok(())
            }
            None => self.writer.put(&file.subject.directory.path, &[entry]),
        }
    }
}

/// Returns whether a stretch of the app's is better read past the page cache: a long one of which it has little in memory. The kernel writes
/// what is dirty of it before such a read.
fn is_better_past_cache(length: u64, cached: impl FnOnce() -> Option<u64>) -> bool {
    length >= DIRECT_BYTES_MIN && cached().is_some_and(|cached| cached < length / CACHED_PART_MIN)
}

/// Reads a stretch from the disk itself to an aligned place with room for whole sectors; returns whether all of it was there. What goes
/// wrong here is left to the other way of reading, which tells it better.
pub(crate) fn fill_direct(into: &mut [u8], direct: BorrowedFd<'_>, offset: u64, length: usize) -> bool {
    let into = &mut into[..length.next_multiple_of(ALIGNMENT)];
    let mut filled = 0;
    while filled < length {
        match rustix::io::pread(direct, &mut into[filled..], offset + filled as u64) {
            Ok(0) => return false,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
    true
}

/// A shorter stretch is not worth asking for at the source.
const DIRECT_BYTES_MIN: u64 = 256 << 10;
/// If one in this many bytes of a stretch is in memory, it is taken through there.
const CACHED_PART_MIN: u64 = 4;

/// Reads the digests of the blocks that a known file had in a segment.
pub(super) fn old_blocks(old: &Known, index: u64) -> Result<Vec<BlockDigest>> {
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
fn next_old(old: &Known, from: u64) -> Option<u64> {
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
    fn what_an_app_has_in_memory_is_taken_from_there() {
        const SEGMENT: u64 = SEGMENT_BYTES as u64;
        assert!(is_better_past_cache(SEGMENT, || Some(0)));
        assert!(is_better_past_cache(SEGMENT, || Some(SEGMENT / 8)));
        assert!(!is_better_past_cache(SEGMENT, || Some(SEGMENT / 2)));
        assert!(!is_better_past_cache(SEGMENT, || None), "where nobody knows the app comes first");
        assert!(!is_better_past_cache(BLOCK_BYTES as u64, || panic!("a short one is not asked about")));
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
