//! What a thread of a scan has of its own: its lane, its buffer, and its way to read much at once.
//!
//! It decides nothing of what is read.

use std::sync::Arc;
use std::time::Instant;

use crate::mover::disk::buffer::Buffer;
use crate::mover::disk::together::{BatchRead, BatchReader};
use crate::mover::ground::progress::Progress;
use crate::mover::manners::throttle::Throttle;
use crate::mover::write::change::Lane;

/// What a thread of a scan has of its own.
pub struct Worker<'a> {
    /// Where its changes go.
    pub lane: Box<dyn Lane + 'a>,
    /// Holds one segment.
    pub buffer: Buffer,
    /// Reads much at once; none until it is needed, and none within where the kernel does not let us.
    together: Option<Option<BatchReader>>,
    /// Rests after its reads; none: never.
    pub throttle: Option<Arc<Throttle>>,
}

impl<'a> Worker<'a> {
    /// Returns a worker for this lane.
    #[must_use]
    pub fn new(lane: Box<dyn Lane + 'a>) -> Worker<'a> {
        Worker { lane, buffer: Buffer::default(), together: None, throttle: None }
    }

    /// Reads many parts at once to their places in the buffer; returns how many bytes each brought, none for what has to be read by itself.
    pub(super) fn read_together(&mut self, reads: &[BatchRead<'_>]) -> Vec<Option<usize>> {
        if reads.len() < 2 {
            return vec![None; reads.len()];
        }
        match self.together.get_or_insert_with(BatchReader::new) {
            Some(together) => together.read(reads, self.buffer.padded()),
            None => vec![None; reads.len()],
        }
    }

    /// Says that it has read so much since then; it may have to rest now.
    pub(super) fn has_read(&self, bytes: u64, since: Instant, progress: &Progress) {
        let Some(throttle) = self.throttle.as_ref().filter(|_| bytes > 0) else {
            return;
        };
        let rest = throttle.note(bytes, since.elapsed());
        if !rest.is_zero() {
            std::thread::sleep(rest);
            progress.rested_us.add(rest.as_micros() as u64);
        }
    }
}
