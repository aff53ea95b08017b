//! Raw devices: read segment by segment, compared with what is known, zeros skipped.
//!
//! A device has no stamps, so that every pass reads all of the source; the manifest only spares the sending. A torn read of a
//! device that is being written does no harm, because a later pass reads it again. A file may stand for a device.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::fs::{Advice, OFlags};
use rustix::io::Errno;

use super::look::ScanEnd;
use super::read_back;
use super::segments::Segments;
use super::stretches;
use super::worker::Worker;
use crate::mover::disk::direct;
use crate::mover::disk::holes;
use crate::mover::disk::stat::{EntryKind, Stamp};
use crate::mover::ground::digest::{self, BlockDigest, Digest, SEGMENT_BLOCKS, SEGMENT_BYTES};
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::ground::work;
use crate::mover::manifest::entry::Entry;
use crate::mover::manifest::known::{KnownEntry, Memory};
use crate::mover::manifest::writer::Writer;
use crate::mover::write::change::{Item, Lane, Piece, STAGES};
use crate::mover::write::touched::WrittenBlocks;

/// One look over a device.
pub struct DeviceScan<'a> {
    /// The device.
    pub device: BorrowedFd<'a>,
    /// How much of it counts: the size of the source.
    pub size: u64,
    /// What was known before; with [`Memory::Blank`] the target may hold anything.
    pub memory: &'a Memory,
    /// Where the new manifest is made.
    pub writer: &'a Writer,
    /// At which end.
    pub side: ScanEnd<'a>,
    /// What is counted.
    pub progress: &'a Progress,
    /// Whether to end early.
    pub cancel: &'a Cancel,
}

struct DeviceWork {
    known: Option<KnownEntry>,
    region: Option<u64>,
    segments: Segments,
}

impl DeviceScan<'_> {
    /// Looks over the whole device.
    pub fn run(&self, workers: &mut [Worker<'_>]) -> Result<()> {
        self.progress.entries.add(digest::segment_count(self.size));
        self.progress.bytes.add(self.size);
        let known = self.memory.entries_between(b"", b"", None)?.into_iter().next();
        let underway = DeviceWork { known, region: self.writer.blocks().reserve(self.size), segments: Segments::of(self.size) };
        // What was read before may be in the page cache though another path to the device wrote since.
        let _ = rustix::fs::fadvise(self.device, 0, None, Advice::DontNeed);
        let direct = direct::open(self.device, OFlags::RDONLY);
        let tasks = workers.iter().map(|_| ()).collect();
        work::run(workers, tasks, self.cancel, |(), worker, _| self.segments(&underway, direct.as_ref().map(AsFd::as_fd), worker))?;
        for worker in workers.iter_mut() {
            // The stages of a tree; a device has all its changes in the first.
            for _ in 0..STAGES {
                worker.lane.end_stage()?;
            }
        }
        let content = underway.segments.root().expect("all threads have ended");
        self.writer.put(b"", &[self.entry(content, underway.region)])
    }

    fn entry(&self, content: Digest, blocks: Option<u64>) -> Entry {
        Entry { kind: EntryKind::Regular, stamp: Stamp { size: self.size, ..Stamp::default() }, content, blocks, ..Entry::marker(b"") }
    }

    fn segments(&self, underway: &DeviceWork, direct: Option<BorrowedFd<'_>>, worker: &mut Worker<'_>) -> Result<()> {
        // None is passed over: a device has the size that it says, and of a target nobody knows what it holds where the source has zeros.
        let count = digest::segment_count(self.size);
        while let Some(assignment) = underway.segments.assign(|from| (from < count).then_some(from)) {
            self.cancel.check()?;
            let blocks = self.segment(underway, assignment.index, direct, worker)?;
            if let Some(region) = underway.region {
                self.writer.blocks().write(region, assignment.index * SEGMENT_BLOCKS, &blocks)?;
            }
            underway.segments.settle(assignment, digest::of_blocks(&blocks));
        }
        Ok(())
    }

    fn segment(
        &self,
        underway: &DeviceWork,
        index: u64,
        direct: Option<BorrowedFd<'_>>,
        worker: &mut Worker<'_>,
    ) -> Result<Vec<BlockDigest>> {
        let offset = index * SEGMENT_BYTES as u64;
        let length = (self.size - offset).min(SEGMENT_BYTES as u64);
        let count = digest::block_count(length) as usize;
        let before = match &underway.known {
            Some(known) => stretches::old_blocks(known, index)?,
            None => vec![BlockDigest::UNKNOWN; count],
        };
        self.progress.bytes_done.add(length);
        if let Some(written) = self.written(underway, index) {
            let mut blocks = before;
            let segment = read_back::SegmentSpan { offset, length, direct };
            let at_once = read_back::read_back(segment, &written, &mut blocks, worker, |place, length, worker| {
                self.read(offset + place, length, direct, worker)
            })?;
            self.progress.bytes_read.add(at_once);
            return Ok(blocks);
        }
        let blocks = self.read(offset, length, direct, worker)?;
        if matches!(self.side, ScanEnd::Source { .. }) {
            self.emit(index, &stretches::pieces(&worker.buffer, length, offset, &blocks, &before), worker.lane.as_mut())?;
        }
        Ok(blocks)
    }

    fn emit(&self, index: u64, pieces: &[Piece<'_>], lane: &mut dyn Lane) -> Result<()> {
        if pieces.is_empty() {
            return Ok(());
        }
        self.progress.entries_changed.add(1);
        self.progress.bytes_changed.add(pieces.iter().filter(|piece| piece.bytes.is_some()).map(|piece| piece.length).sum());
        let item = Item::Segment { file: 0, path: Vec::new(), is_new: false, index };
        lane.emit(item, pieces)
    }

    /// What was written of a segment since it was last read, at the target; none: it has to be read whole.
    fn written(&self, underway: &DeviceWork, index: u64) -> Option<WrittenBlocks> {
        let ScanEnd::Target { touched, knows_all: true, .. } = self.side else {
            return None;
        };
        // A device of one block has no block digests to take from memory.
        underway.known.as_ref().filter(|known| known.entry.blocks.is_some() && known.entry.stamp.size == self.size)?;
        Some(touched.segment(b"", index))
    }

    /// Reads past the page cache where that can be had, which spares half of the copying and the memory of the node.
    fn read(&self, offset: u64, length: u64, direct: Option<BorrowedFd<'_>>, worker: &mut Worker<'_>) -> Result<Vec<BlockDigest>> {
        if holes::is_hole(self.device, offset, length) {
            worker.buffer.clear();
            return Ok(vec![BlockDigest::ZEROS; digest::block_count(length) as usize]);
        }
        let since = Instant::now();
        worker.buffer.set_length(length as usize);
        if !direct.is_some_and(|direct| direct::fill(worker.buffer.padded(), direct, offset, length as usize)) {
            self.fill(&mut worker.buffer, offset)?;
        }
        worker.has_read(length, since, self.progress);
        self.progress.bytes_read.add(length);
        Ok(digest::of_segment(&worker.buffer))
    }

    fn fill(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match rustix::io::pread(self.device, &mut buffer[filled..], offset + filled as u64) {
                Ok(0) => return Err(self.unreadable(Errno::IO)),
                Ok(count) => filled += count,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.unreadable(errno)),
            }
        }
        Ok(())
    }

    fn unreadable(&self, errno: Errno) -> Halt {
        match self.side {
            ScanEnd::Source { .. } => fail::at_source("reading the device", b"", errno),
            ScanEnd::Target { .. } => fail::at_target("reading the device", b"", errno),
        }
    }
}
