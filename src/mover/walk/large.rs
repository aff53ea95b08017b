//! Large files, segment by segment, by all threads: digested by blocks, compared with what the target is known to hold; what differs is emitted.
//!
//! Every file is looked at before and after it is read.

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rustix::fs::OFlags;

use super::file::{LargeFile, PartialRead};
use super::look::{Scan, ScanEnd, Task};
use super::read_back;
use super::segments::Segments;
use super::stretches::{next_old, old_blocks, pieces};
use super::subject::Subject;
use super::worker::Worker;
use crate::mover::disk::metadata::Metadata;
use crate::mover::disk::stat::{EntryKind, Stat};
use crate::mover::disk::{cached, direct, holes};
use crate::mover::ground::digest::{self, BLOCK_BYTES, BlockDigest, Digest, SEGMENT_BLOCKS, SEGMENT_BYTES};
use crate::mover::ground::fail::Result;
use crate::mover::ground::path;
use crate::mover::ground::work::Queue;
use crate::mover::manifest::entry::Entry;
use crate::mover::write::change::Item;
use crate::mover::write::early::EarlyReader;
use crate::mover::write::touched::{TouchedPart, WrittenBlocks};

impl Scan<'_> {
    /// Takes a large file that was opened.
    pub(super) fn large(&self, subject: &Subject, opened: OwnedFd, seen: Stat, metadata: Metadata, is_new: bool) -> Result<LargeFile> {
        let size = seen.stamp.size;
        Ok(LargeFile {
            untouched: self.untouched(subject, &seen, is_new),
            early: self.early().map(|early| early.segments(&subject.path, seen.stamp)).unwrap_or_default(),
            subject: Subject {
                directory: Arc::clone(&subject.directory),
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
        let is_of_use = matches!(self.side, ScanEnd::Target { .. }) || direct::is_direct(file);
        is_of_use.then(|| direct::open(file, OFlags::RDONLY)).flatten()
    }

    /// Returns whether a stretch is to be read past the page cache: at the target always, at the source where that is better.
    fn is_past_cache(&self, file: BorrowedFd<'_>, offset: u64, length: u64) -> bool {
        matches!(self.side, ScanEnd::Target { .. }) || is_better_past_cache(length, || cached::bytes_within(file, offset, length))
    }

    /// At the target only what was touched of a large file is read back, if this process knows all that was touched.
    fn untouched(&self, subject: &Subject, seen: &Stat, is_new: bool) -> Option<PartialRead> {
        let ScanEnd::Target { touched, knows_all: true, .. } = self.side else {
            return None;
        };
        let known = subject.old_of_kind().filter(|old| old.stamp.is_some_and(|stamp| stamp.inode == seen.stamp.inode) && !is_new)?;
        let Some(TouchedPart::Segments(touched)) = touched.part(&subject.path) else {
            return None;
        };
        // Where the size changed, the segments around both ends changed without being written.
        let (old, new) = (known.entry.stamp.size, seen.stamp.size);
        let resized_from = (old != new).then(|| old.min(new).saturating_sub(1) / SEGMENT_BYTES as u64);
        Some(PartialRead { touched, resized_from, known: known.clone() })
    }

    fn early(&self) -> Option<&EarlyReader> {
        if let ScanEnd::Target { early, .. } = self.side { early } else { None }
    }

    /// Works on a large file beside everybody who has time for it.
    pub(super) fn split(&self, file: LargeFile, worker: &mut Worker<'_>, queue: &Queue<Task>) -> Result<()> {
        let others = self.threads.min(usize::try_from(file.count()).unwrap_or(usize::MAX)).saturating_sub(1);
        let file = Arc::new(file);
        queue.push_all((0..others).map(|_| Task::Segments(Arc::downgrade(&file))));
        self.segments(&file, worker)
    }

    /// Works on the segments of a large file for as long as there are any; whoever ends last makes its entry.
    pub(super) fn segments(&self, file: &LargeFile, worker: &mut Worker<'_>) -> Result<()> {
        while let Some(assignment) = file.segments.assign(|from| self.next_segment(file, from)) {
            self.cancel.check()?;
            let segment = self.segment(file, assignment.index, worker)?;
            file.segments.settle(assignment, segment);
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
        if matches!(self.side, ScanEnd::Source { .. }) {
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
        untouched: &PartialRead,
        index: u64,
        length: u64,
        worker: &mut Worker<'_>,
    ) -> Result<Vec<BlockDigest>> {
        let offset = index * SEGMENT_BYTES as u64;
        let mut blocks = old_blocks(&untouched.known, index)?;
        blocks.resize(digest::block_count(length) as usize, BlockDigest::ZEROS);
        let is_resized = untouched.resized_from.is_some_and(|from| index >= from);
        let Some(written) = (if is_resized { Some(&WrittenBlocks::All) } else { untouched.touched.get(&index) }) else {
            return Ok(blocks);
        };
        self.drop_cache(file.opened.as_fd(), offset, length);
        let segment = read_back::SegmentSpan { offset, length, direct: file.direct.as_ref().map(AsFd::as_fd) };
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
        if !direct.is_some_and(|direct| direct::fill(into, direct, offset, part.len())) {
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
            kind: EntryKind::Regular,
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
                self.groups.settle_group(group, &entry, file.is_new, self.progress);
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

/// A shorter stretch is not worth asking for at the source.
const DIRECT_BYTES_MIN: u64 = 256 << 10;
/// If one in this many bytes of a stretch is in memory, it is taken through there.
const CACHED_PART_MIN: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_app_has_in_memory_is_taken_from_there() {
        const SEGMENT: u64 = SEGMENT_BYTES as u64;
        assert!(is_better_past_cache(SEGMENT, || Some(0)));
        assert!(is_better_past_cache(SEGMENT, || Some(SEGMENT / 8)));
        assert!(!is_better_past_cache(SEGMENT, || Some(SEGMENT / 2)));
        assert!(!is_better_past_cache(SEGMENT, || None), "where nobody knows the app comes first");
        assert!(!is_better_past_cache(BLOCK_BYTES as u64, || panic!("a short one is not asked about")));
    }
}
