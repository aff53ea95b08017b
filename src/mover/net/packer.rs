//! A lane over a connection: small changes are packed together, compressed where that pays, and paced.
//!
//! What is changed is decided by who emits it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::channel::Channel;
use super::compress::Compress;
use super::notices::Notices;
use super::wire::{Extent, Message};
use crate::mover::ground::digest::SEGMENT_BYTES;
use crate::mover::ground::fail::Result;
use crate::mover::ground::progress::Progress;
use crate::mover::manners::pace::Pace;
use crate::mover::write::change::{Item, Lane, Piece};

/// A frame of small changes is sent when it holds this much content, or as much of names and metadata.
const FRAME_BYTES: usize = 1 << 20;

/// A lane over a connection: small changes are packed together, never a round trip for one.
pub(super) struct Packer<'a> {
    channel: &'a mut Channel,
    compress: &'a mut Compress,
    notices: &'a Notices,
    items: Vec<(Item, Vec<Extent>)>,
    /// About how long the items are as a message.
    weight: usize,
    content: Vec<u8>,
    progress: Arc<Progress>,
    pace: Option<Arc<Pace>>,
}

impl<'a> Packer<'a> {
    /// Returns a lane on which nothing is packed yet.
    pub(super) fn new(
        channel: &'a mut Channel,
        compress: &'a mut Compress,
        notices: &'a Notices,
        progress: &Arc<Progress>,
        pace: Option<&Arc<Pace>>,
    ) -> Packer<'a> {
        let (progress, pace) = (Arc::clone(progress), pace.map(Arc::clone));
        Packer { channel, compress, notices, items: Vec::new(), weight: 0, content: Vec::with_capacity(FRAME_BYTES), progress, pace }
    }

    fn flush(&mut self) -> Result<()> {
        if self.items.is_empty() {
            return Ok(());
        }
        let content = std::mem::take(&mut self.content);
        self.send(&[&content])?;
        self.content = content;
        self.content.clear();
        Ok(())
    }

    /// Sends what is packed so far, with this content. To wait for one's turn is a part of how long that takes.
    fn send(&mut self, parts: &[&[u8]]) -> Result<()> {
        let message = Message::Changes(std::mem::take(&mut self.items));
        self.weight = 0;
        let content_bytes = parts.iter().map(|part| part.len()).sum();
        let compressed = self.compress.compress(parts, self.notices.starving_percent.load(Ordering::Relaxed));
        let (before, began) = (self.channel.sent, Instant::now());
        if let Some(pace) = &self.pace {
            pace.take(compressed.map_or(content_bytes, <[u8]>::len) as u64);
        }
        match compressed {
            Some(compressed) => self.channel.send_compressed(&message, content_bytes, compressed)?,
            None => self.channel.send_parts(&message, parts)?,
        }
        self.compress.has_sent(self.channel.sent - before, began.elapsed());
        self.progress.bytes_sent.add(self.channel.sent - before);
        Ok(())
    }
}

impl Lane for Packer<'_> {
    fn emit(&mut self, item: Item, pieces: &[Piece<'_>]) -> Result<()> {
        let more: usize = pieces.iter().filter_map(|piece| piece.bytes).map(<[u8]>::len).sum();
        if self.content.len() + more > SEGMENT_BYTES || more >= FRAME_BYTES {
            self.flush()?;
        }
        let extents = pieces.iter().map(|piece| Extent { offset: piece.offset, length: piece.length, is_zero: piece.bytes.is_none() });
        self.weight += weight(&item) + pieces.len() * size_of::<Extent>();
        self.items.push((item, extents.collect()));
        let parts = pieces.iter().filter_map(|piece| piece.bytes);
        if more >= FRAME_BYTES && self.content.is_empty() {
            // Sent from where it was read to: copying it together first would cost more than a second frame does.
            return self.send(&parts.collect::<Vec<_>>());
        }
        parts.for_each(|bytes| self.content.extend_from_slice(bytes));
        if self.content.len() >= FRAME_BYTES || self.weight >= FRAME_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn end_stage(&mut self) -> Result<()> {
        self.flush()?;
        self.channel.send(&Message::EndStage, &[])
    }
}

fn weight(item: &Item) -> usize {
    let metadata = item.metadata().map_or(0, |metadata| {
        let xattrs: usize = metadata.xattrs.iter().map(|(name, value)| name.len() + value.len() + 8).sum();
        metadata.link.len() + xattrs
    });
    let to = if let Item::Link { to, .. } = item { to.len() } else { 0 };
    64 + item.path().len() + to + metadata
}
