//! The index of a manifest: which directories there are, and where their pages lie.
//!
//! It is signed with its digest, so that one that was cut off is not believed. What is in pages is not looked at here.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::mover::disk::origin::VolumeOrigin;
use crate::mover::ground::digest::Digest;

const MAGIC: &[u8; 8] = b"mover-m7";

/// A manifest without its pages.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) origin: VolumeOrigin,
    pub(super) root: Digest,
    pub(super) pages: String,
    pub(super) blocks: String,
    /// Where the addresses of its block digests begin.
    pub(super) blocks_base: u64,
    /// How many bytes they took when the first manifest that points into their store was complete.
    pub(super) blocks_at_first: u64,
    pub(super) entries: u64,
    /// Whether every entry counts as hot.
    pub(super) is_doubtful: bool,
    pub(super) directories: HashMap<Vec<u8>, DirectoryAt>,
}

/// The pages of a directory, sorted by their first names; two may overlap.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DirectoryAt {
    pub(super) pages: Vec<PageAt>,
    /// The digest over its entries in order.
    pub(super) proof: Digest,
}

impl DirectoryAt {
    /// Returns whether another one has the same entries on the same pages, as far as both ends must agree on them.
    pub(super) fn has_pages(&self, pages: &[PageAt]) -> bool {
        let is_same = |one: &PageAt, other: &PageAt| (&one.first, &one.last, one.proof) == (&other.first, &other.last, other.proof);
        self.pages.len() == pages.len() && self.pages.iter().zip(pages).all(|(one, other)| is_same(one, other))
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PageAt {
    pub(super) first: Vec<u8>,
    pub(super) last: Vec<u8>,
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) proof: Digest,
}

/// Digests the directories in order.
pub(super) fn root_of(directories: &HashMap<Vec<u8>, DirectoryAt>) -> Digest {
    let mut sorted: Vec<(&Vec<u8>, &DirectoryAt)> = directories.iter().collect();
    sorted.sort_unstable_by_key(|(directory, _)| *directory);
    let mut hasher = blake3::Hasher::new();
    for (directory, DirectoryAt { proof, .. }) in sorted {
        hasher.update(&(directory.len() as u64).to_le_bytes());
        hasher.update(directory);
        hasher.update(&proof.0);
    }
    Digest(hasher.finalize().into())
}

/// Reads an index; none if there is none that is whole.
pub(super) fn read(path: &Path) -> Option<Index> {
    let signed = std::fs::read(path).ok()?;
    let (hash, bytes) = signed.strip_prefix(MAGIC)?.split_at_checked(blake3::OUT_LEN)?;
    if blake3::hash(bytes).as_bytes() != hash {
        return None;
    }
    postcard::from_bytes(bytes).ok()
}

/// Writes an index as it is made, since of millions of folders it is long.
pub(super) fn write(path: &Path, index: &Index) -> std::io::Result<()> {
    use std::io::{BufWriter, Write};
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::create(path)?;
    let mut out = BufWriter::new(&file);
    out.write_all(MAGIC)?;
    out.write_all(&[0; blake3::OUT_LEN])?;
    let signed = postcard::to_io(index, SigningWriter { out, hasher: blake3::Hasher::new() });
    let SigningWriter { mut out, hasher } = signed.map_err(std::io::Error::other)?;
    out.flush()?;
    file.write_all_at(hasher.finalize().as_bytes(), MAGIC.len() as u64)
}

/// Digests what is written through it.
struct SigningWriter<W> {
    out: W,
    hasher: blake3::Hasher,
}

impl<W: std::io::Write> std::io::Write for SigningWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
