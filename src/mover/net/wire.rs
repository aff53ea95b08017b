//! The frames between two movers: a message and, apart from it, content, as it is or compressed.
//!
//! Everything that comes in is bounded before memory is set aside for it, and checked before it is used: a peer that is let in
//! is still not trusted with paths, sizes or counts. Nothing here knows what the messages do.

use std::io::{Read, Write};

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::compress;
use super::tls;
use crate::contract::orders::{Phase, Reason, VolumeMode};
use crate::mover::disk::buffer::Buffer;
use crate::mover::disk::metadata;
use crate::mover::disk::stat::EntryKind;
use crate::mover::ground::digest::{Digest, SEGMENT_BYTES};
use crate::mover::ground::fail::{self, Result};
use crate::mover::ground::path;
use crate::mover::manifest::entry::Entry;
use crate::mover::write::change::{Item, Piece};

/// The version of the frames; both ends must be of the same.
pub const VERSION: u32 = 6;
/// The longest message.
pub const MESSAGE_BYTES_MAX: usize = 8 << 20;
/// The most content in one frame.
pub const CONTENT_BYTES_MAX: usize = 2 * SEGMENT_BYTES;
/// Changes in one frame at most. The source sends what weighs a megabyte, each change at least 64 bytes.
pub const CHANGES_MAX: usize = 16 << 10;
/// Connections for data in one pass at most.
pub const LANES_MAX: u16 = 64;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Questions of the source and answers of the target, in turn. The first of a pass; its session begins with it.
    Control,
    /// From the target only: failures and phases, as they come.
    Notices,
    /// From the source only: changes.
    Data,
}

/// A message between two movers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are named for what they are")]
pub enum Message {
    /// The first on each connection, from the source.
    Hello { version: u32, session: u64, role: Role, lanes: u16 },
    /// The answer to it.
    Welcome { version: u32 },
    /// Begins a volume's pass.
    Begin { volume: String, mode: VolumeMode, believed: Option<Digest>, size: u64 },
    /// The target holds what the source believes.
    Trusted,
    /// The target holds nothing.
    Blank,
    /// The target holds what the following pages say.
    Listing,
    /// Entries of a directory, sorted.
    Page { directory: Vec<u8>, entries: Vec<Entry> },
    /// Digests of blocks; the content is the digests.
    Blocks { region: u64, first: u64 },
    /// The listing is complete and has this root.
    ListingEnd { root: Digest },
    /// Changes; the content is their bytes, one after the other.
    Changes(#[serde(deserialize_with = "few_changes")] Vec<(Item, Vec<Extent>)>),
    /// Nothing more of this stage comes on this connection.
    EndStage,
    /// Ends the volume's pass.
    End { is_last: bool },
    /// The target is synced, read back, and has this root; none where nothing was to be proven.
    Ended { root: Option<Digest> },
    /// Asks for the listing of what the target holds.
    List,
    /// The order is carried out.
    Finish { is_last: bool },
    /// The answer to it.
    Finished,
    /// The target goes on to another phase.
    Phase(Phase),
    /// Of the time since it last said so, the connections for data waited for content this much, in percent, instead of writing.
    Starving { percent: u8 },
    /// The target cannot go on. Not a [`crate::contract::orders::Failure`], which leaves out what is not there: these frames cannot.
    Failed { reason: Reason, message: String },
}

/// A stretch of content on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Where in the file.
    pub offset: u64,
    /// How long.
    pub length: u64,
    /// Whether it is zeros, which are not sent.
    pub is_zero: bool,
}

/// Takes no more changes than a frame may have: three bytes on the wire can be many times that in memory.
fn few_changes<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<(Item, Vec<Extent>)>, D::Error> {
    struct ChangesVisitor;
    impl<'de> Visitor<'de> for ChangesVisitor {
        type Value = Vec<(Item, Vec<Extent>)>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(formatter, "at most {CHANGES_MAX} changes")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> std::result::Result<Self::Value, A::Error> {
            let mut changes = Vec::new();
            while let Some(change) = sequence.next_element()? {
                if changes.len() == CHANGES_MAX {
                    return Err(A::Error::invalid_length(CHANGES_MAX + 1, &self));
                }
                changes.push(change);
            }
            Ok(changes)
        }
    }
    deserializer.deserialize_seq(ChangesVisitor)
}

/// The lengths at the beginning of a frame: of its message, of its content, and of its content as it is sent if that is compressed.
const HEAD_BYTES: usize = 12;

/// Writes one frame, whose content is these parts, one after the other. Returns its length.
pub fn write(stream: &mut (impl Write + ?Sized), message: &Message, parts: &[&[u8]]) -> Result<u64> {
    let content_bytes = parts.iter().map(|part| part.len()).sum();
    write_frame(stream, message, [content_bytes, 0], parts)
}

/// Writes one frame whose content of this length has been compressed to this. Returns its length.
///
/// # Panics
/// If it is empty, or longer than what it stands for.
pub fn write_compressed(stream: &mut (impl Write + ?Sized), message: &Message, content_bytes: usize, compressed: &[u8]) -> Result<u64> {
    assert!(!compressed.is_empty() && compressed.len() <= content_bytes, "nothing is compressed to nothing or to more");
    write_frame(stream, message, [content_bytes, compressed.len()], &[compressed])
}

fn write_frame(stream: &mut (impl Write + ?Sized), message: &Message, lengths: [usize; 2], parts: &[&[u8]]) -> Result<u64> {
    let bytes = postcard::to_stdvec(message).expect("plain data can be serialised");
    assert!(bytes.len() <= MESSAGE_BYTES_MAX && lengths[0] <= CONTENT_BYTES_MAX, "frames are cut before they are this long");
    let mut head = Vec::with_capacity(HEAD_BYTES + bytes.len());
    for length in [bytes.len(), lengths[0], lengths[1]] {
        head.extend_from_slice(&(length as u32).to_le_bytes());
    }
    head.extend_from_slice(&bytes);
    stream.write_all(&head).map_err(|error| tls::broken(&error))?;
    let mut length = head.len();
    for part in parts {
        stream.write_all(part).map_err(|error| tls::broken(&error))?;
        length += part.len();
    }
    Ok(length as u64)
}

/// Reads one frame; its content goes into the buffer, where a large stretch can be written from past the page cache.
pub fn read(stream: &mut (impl Read + ?Sized), content: &mut Buffer) -> Result<Message> {
    let mut head = [0; HEAD_BYTES];
    stream.read_exact(&mut head).map_err(|error| tls::broken(&error))?;
    let (lengths, _) = head.as_chunks();
    let [message_bytes, content_bytes, compressed_bytes] = [0, 1, 2].map(|index| u32::from_le_bytes(lengths[index]) as usize);
    if message_bytes > MESSAGE_BYTES_MAX || content_bytes > CONTENT_BYTES_MAX || compressed_bytes > content_bytes {
        return Err(fail::peer("the other mover sent a frame that is too long"));
    }
    let mut bytes = vec![0; message_bytes];
    stream.read_exact(&mut bytes).map_err(|error| tls::broken(&error))?;
    content.set_length(content_bytes);
    if compressed_bytes == 0 {
        stream.read_exact(content).map_err(|error| tls::broken(&error))?;
    } else {
        let mut compressed = vec![0; compressed_bytes];
        stream.read_exact(&mut compressed).map_err(|error| tls::broken(&error))?;
        compress::expand(&compressed, content)?;
    }
    let (message, rest) = postcard::take_from_bytes(&bytes).map_err(|_| fail::peer("the other mover sent a frame that makes no sense"))?;
    if !rest.is_empty() {
        return Err(fail::peer("the other mover sent a frame with more in it than it says"));
    }
    Ok(message)
}

/// Checks a change from the wire, and finds its pieces in the content, of which it takes its part.
pub fn accept<'a>(item: &Item, extents: &[Extent], content: &mut &'a [u8]) -> Result<Vec<Piece<'a>>> {
    if !is_sound(item) {
        return Err(fail::peer(format!("the other mover sent a change that may not be: `{}`", path::shown(item.path()))));
    }
    let place = place_of_content(item);
    let mut pieces = Vec::with_capacity(extents.len().min(1024));
    for extent in extents {
        let end = extent.offset.checked_add(extent.length).filter(|&end| end <= place.end && end <= i64::MAX as u64);
        if end.is_none() || extent.offset < place.start || extent.length == 0 {
            return Err(fail::peer("the other mover sent a stretch of content that may not be"));
        }
        let bytes = if extent.is_zero {
            None
        } else {
            let length = usize::try_from(extent.length).unwrap_or(usize::MAX);
            let (bytes, rest) =
                content.split_at_checked(length).ok_or_else(|| fail::peer("the other mover sent less content than it said"))?;
            *content = rest;
            Some(bytes)
        };
        pieces.push(Piece { offset: extent.offset, length: extent.length, bytes });
    }
    Ok(pieces)
}

/// Where in the file the content of a change may be. What is written elsewhere than said would not be read back.
fn place_of_content(item: &Item) -> std::ops::Range<u64> {
    match item {
        Item::Create { size, .. } | Item::Patch { size, .. } => 0..*size,
        Item::Segment { index, .. } => {
            let start = index.saturating_mul(SEGMENT_BYTES as u64);
            start..start.saturating_add(SEGMENT_BYTES as u64)
        }
        Item::Finish { .. }
        | Item::Dress { .. }
        | Item::Special { .. }
        | Item::Directory { .. }
        | Item::DressDirectory { .. }
        | Item::Link { .. }
        | Item::Delete { .. } => 0..0,
    }
}

fn is_sound(item: &Item) -> bool {
    let may_be_root = matches!(item, Item::DressDirectory { .. } | Item::Segment { .. });
    let path_is_sound = path::is_beneath(item.path()) && (may_be_root || !item.path().is_empty());
    let metadata_is_sound = item.metadata().is_none_or(metadata::is_sound);
    path_is_sound && metadata_is_sound && has_right_kind(item) && has_right_size(item)
}

fn has_right_kind(item: &Item) -> bool {
    let Some(metadata) = item.metadata() else {
        return match item {
            Item::Link { to, .. } => path::is_beneath(to) && !to.is_empty(),
            _ => true,
        };
    };
    match item {
        Item::DressDirectory { .. } => metadata.kind == EntryKind::Directory,
        Item::Special { .. } => !matches!(metadata.kind, EntryKind::Directory | EntryKind::Regular),
        _ => metadata.kind == EntryKind::Regular,
    }
}

fn has_right_size(item: &Item) -> bool {
    match item {
        Item::Create { size, .. } | Item::Patch { size, .. } | Item::Finish { size, .. } => *size <= i64::MAX as u64,
        _ => true,
    }
}

/// Offsets in block digests from the wire stay within what a file can have.
pub const REGION_MAX: u64 = 1 << 50;

/// Returns whether the entries of a listing from the wire are within their bounds.
#[must_use]
pub fn page_is_sound(directory: &[u8], entries: &[Entry]) -> bool {
    let has_sound_name = |entry: &Entry| (entry.name.is_empty() || path::is_name(&entry.name)) && path::is_beneath(&entry.lead);
    let has_sound_size = |entry: &Entry| entry.stamp.size <= i64::MAX as u64 && entry.blocks.is_none_or(|region| region <= REGION_MAX);
    path::is_beneath(directory)
        && entries.iter().all(|entry| has_sound_name(entry) && has_sound_size(entry))
        && entries.is_sorted_by(|one, other| one.name < other.name)
}
