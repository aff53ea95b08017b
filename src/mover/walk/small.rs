//! Small files: those of one segment or less, read many at once where they are on the disk, or one by one where they are in memory.
//!
//! What waits to be read belongs to one slice of a directory and is bounded by one segment of content. A file that could not be
//! read with the others is read by itself. What was opened is looked at again once it was read.

use std::os::fd::AsFd;
use std::time::Instant;

use super::file::SmallFile;
use super::look::{Scan, ScanEnd};
use super::stretches::{old_blocks, pieces};
use super::subject::Subject;
use super::worker::Worker;
use crate::mover::disk::stat::EntryKind;
use crate::mover::disk::together::{BatchRead, READS_MAX};
use crate::mover::ground::digest::{self, BlockDigest, SEGMENT_BYTES};
use crate::mover::ground::fail::Result;
use crate::mover::ground::path;
use crate::mover::manifest::entry::Entry;
use crate::mover::write::change::{Item, Lane, Piece};

/// The entries of a slice of a directory in their order, some of which wait for their files to be read.
pub(super) struct SliceEntries {
    entries: Vec<Option<Entry>>,
    waiting: Vec<PendingFile>,
    bytes: usize,
}

struct PendingFile {
    entry: usize,
    subject: Subject,
    file: SmallFile,
    /// Where in the buffer its content is to be.
    at: usize,
}

impl SliceEntries {
    /// Returns a page for about as many entries.
    pub(super) fn with_capacity(entries: usize) -> SliceEntries {
        SliceEntries { entries: Vec::with_capacity(entries), waiting: Vec::new(), bytes: 0 }
    }

    pub(super) fn add(&mut self, entry: Entry) {
        self.entries.push(Some(entry));
    }

    fn add_later(&mut self, subject: Subject, file: SmallFile) {
        let at = self.bytes;
        self.bytes += file.room();
        self.waiting.push(PendingFile { entry: self.entries.len(), subject, file, at });
        self.entries.push(None);
    }

    fn has_room_for(&self, file: &SmallFile) -> bool {
        self.waiting.len() < READS_MAX && self.bytes + file.room() <= SEGMENT_BYTES
    }
}

impl Scan<'_> {
    /// Adds the entry of a small file to a page, now or when it is completed.
    pub(super) fn add_small(&self, page: &mut SliceEntries, subject: Subject, file: SmallFile, worker: &mut Worker<'_>) -> Result<()> {
        if !self.is_on_disk() {
            page.add(self.small(&subject, &file, worker)?);
            return Ok(());
        }
        if !page.has_room_for(&file) {
            self.read_waiting(page, worker)?;
        }
        page.add_later(subject, file);
        Ok(())
    }

    /// Returns the entries of a page once all files that wait are read.
    pub(super) fn complete(&self, mut page: SliceEntries, worker: &mut Worker<'_>) -> Result<Vec<Entry>> {
        self.read_waiting(&mut page, worker)?;
        Ok(page.entries.into_iter().flatten().collect())
    }

    /// Returns whether files are to be read from the disk: at the target always, because that is what is to be proven; at the
    /// source in its first pass, while what changed since a pass is likely to be in memory still.
    fn is_on_disk(&self) -> bool {
        matches!(self.side, ScanEnd::Target { .. }) || (self.memory.own().is_none() && !self.clock.is_foreign)
    }

    fn read_waiting(&self, page: &mut SliceEntries, worker: &mut Worker<'_>) -> Result<()> {
        let waiting = std::mem::take(&mut page.waiting);
        let bytes = std::mem::take(&mut page.bytes);
        worker.buffer.set_length(bytes);
        let since = Instant::now();
        let is_read = read_together(&waiting, worker);
        worker.has_read(bytes as u64, since, self.progress);
        for (one, is_read) in waiting.iter().zip(is_read) {
            let part = one.at..one.at + one.file.length();
            if !is_read {
                self.drop_cache(one.file.opened.as_fd(), 0, 0);
                self.fill(&mut worker.buffer[part.clone()], one.file.opened.as_fd(), 0, &one.subject.path)?;
            }
            let entry = self.settle_small(&one.subject, &one.file, &worker.buffer[part], worker.lane.as_mut())?;
            page.entries[one.entry] = Some(entry);
        }
        Ok(())
    }

    /// Makes the entry of a small file by reading it now.
    pub(super) fn small(&self, subject: &Subject, file: &SmallFile, worker: &mut Worker<'_>) -> Result<Entry> {
        worker.buffer.set_length(file.length());
        self.drop_cache(file.opened.as_fd(), 0, 0);
        let since = Instant::now();
        self.fill(&mut worker.buffer, file.opened.as_fd(), 0, &subject.path)?;
        worker.has_read(file.length() as u64, since, self.progress);
        self.settle_small(subject, file, &worker.buffer, worker.lane.as_mut())
    }

    fn settle_small(&self, subject: &Subject, file: &SmallFile, content: &[u8], lane: &mut dyn Lane) -> Result<Entry> {
        let size = file.seen.stamp.size;
        self.progress.bytes_read.add(size);
        self.progress.bytes_done.add(size.min(subject.seen.allocated.saturating_mul(512)));
        let blocks = digest::of_segment(content);
        let is_hot = self.is_hot_after(file.opened.as_fd(), &file.seen, &subject.path)?;
        let region = self.writer.blocks().reserve(size);
        if let Some(region) = region {
            self.writer.blocks().write(region, 0, &blocks)?;
        }
        let entry = Entry {
            name: path::split(&subject.path).1.to_vec(),
            kind: EntryKind::Regular,
            stamp: file.seen.stamp,
            is_hot,
            metadata: file.metadata.digest(),
            content: digest::of_small(size, &blocks),
            blocks: region,
            lead: Vec::new(),
        };
        self.emit_small(subject, file, (content, &blocks), &entry, lane)?;
        Ok(entry)
    }

    fn emit_small(
        &self,
        subject: &Subject,
        file: &SmallFile,
        read: (&[u8], &[BlockDigest]),
        entry: &Entry,
        lane: &mut dyn Lane,
    ) -> Result<()> {
        let (content, blocks) = read;
        let (path, metadata, size) = (subject.path.clone(), file.metadata.clone(), file.seen.stamp.size);
        match subject.old_of_kind().filter(|_| !file.is_new) {
            None => {
                let pieces = pieces(content, size, 0, blocks, &[]);
                self.count_written(&pieces);
                self.touch(&subject.directory);
                lane.emit(Item::Create { path, metadata, size }, &pieces)
            }
            Some(old) if old.entry.content != entry.content => {
                let pieces = pieces(content, size, 0, blocks, &old_blocks(old, 0)?);
                self.count_written(&pieces);
                lane.emit(Item::Patch { path, metadata, size }, &pieces)
            }
            Some(old) if old.entry.metadata != entry.metadata => {
                self.progress.entries_changed.add(1);
                lane.emit(Item::Dress { path, metadata }, &[])
            }
            Some(_) => Ok(()),
        }
    }

    fn count_written(&self, pieces: &[Piece<'_>]) {
        self.progress.entries_changed.add(1);
        self.progress.bytes_changed.add(pieces.iter().filter(|piece| piece.bytes.is_some()).map(|piece| piece.length).sum());
    }
}

/// Reads what waits to its place in the worker's buffer; returns for each whether all of it came.
fn read_together(waiting: &[PendingFile], worker: &mut Worker<'_>) -> Vec<bool> {
    let reads = waiting.iter().map(|one| BatchRead { file: one.file.opened.as_fd(), offset: 0, at: one.at, length: one.file.room() });
    let brought = worker.read_together(&reads.collect::<Vec<_>>());
    waiting.iter().zip(brought).map(|(one, brought)| brought.is_some_and(|brought| brought >= one.file.length())).collect()
}
