//! How content gets to a file or a device at the target: past the page cache where that can be had and pays, zeros as holes.
//!
//! A large write through the page cache copies it once more, and has the kernel look after its pages: 0.3 core-seconds for each GiB, while the
//! node loses memory that it has better use for. Nothing here decides what is written, and nothing is synced.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, OFlags};
use rustix::io::Errno;

use super::change::Piece;
use crate::mover::disk::buffer::{ALIGNMENT, Buffer};
use crate::mover::disk::direct;
use crate::mover::disk::quiet;
use crate::mover::ground::digest;
use crate::mover::ground::fail::{self, Halt, Result};

/// Shorter pieces of a file are left to the kernel, which gathers them on their way to the disk.
const DIRECT_BYTES_MIN: usize = 256 << 10;

/// How much is looked at, and overwritten, at once.
const ZEROS_BYTES: usize = 64 << 10;

/// A file or device at the target that content is written to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writable<'a> {
    /// As it was opened.
    pub file: BorrowedFd<'a>,
    /// Past the page cache, where that can be had.
    pub direct: Option<BorrowedFd<'a>>,
    /// Shorter pieces are not written past it.
    pub direct_bytes_min: usize,
    /// What it is called; a device has no name.
    pub path: &'a [u8],
}

impl<'a> Writable<'a> {
    /// A device, of which nothing stays in the page cache.
    pub(super) fn device(device: BorrowedFd<'a>, direct: Option<BorrowedFd<'a>>) -> Writable<'a> {
        Writable { file: device, direct, direct_bytes_min: ALIGNMENT, path: b"" }
    }

    /// A file that is written in one go.
    pub(super) fn file(file: BorrowedFd<'a>, path: &'a [u8]) -> Writable<'a> {
        Writable { file, direct: None, direct_bytes_min: DIRECT_BYTES_MIN, path }
    }

    /// Writes pieces; the buffer is for content that does not lie where a write past the page cache needs it.
    pub(super) fn write(&self, pieces: &[Piece<'_>], buffer: &mut Buffer) -> Result<()> {
        pieces.iter().try_for_each(|piece| match piece.bytes {
            Some(bytes) if self.write_direct(bytes, piece.offset, buffer)? => Ok(()),
            Some(bytes) => self.write_all(bytes, piece.offset),
            None => self.write_zeros(piece.offset, piece.length),
        })
    }

    /// Returns whether it could.
    fn write_direct(&self, bytes: &[u8], offset: u64, buffer: &mut Buffer) -> Result<bool> {
        let is_whole = bytes.len().is_multiple_of(ALIGNMENT) && offset.is_multiple_of(ALIGNMENT as u64);
        let Some(direct) = self.direct.filter(|_| is_whole && bytes.len() >= self.direct_bytes_min) else {
            return Ok(false);
        };
        let aligned = if bytes.as_ptr().align_offset(ALIGNMENT) == 0 {
            bytes
        } else {
            buffer.set_length(bytes.len());
            buffer.copy_from_slice(bytes);
            buffer
        };
        let mut written = 0;
        while written < aligned.len() {
            match rustix::io::pwrite(direct, &aligned[written..], offset + written as u64) {
                Ok(0) | Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(false),
                Ok(count) => written += count,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.failed(errno)),
            }
        }
        Ok(true)
    }

    fn failed(&self, errno: Errno) -> Halt {
        fail::at_target(if self.path.is_empty() { "writing to the device" } else { "writing" }, self.path, errno)
    }
    fn write_all(&self, mut bytes: &[u8], mut offset: u64) -> Result<()> {
        while !bytes.is_empty() {
            match quiet::write_at(self.file, bytes, offset) {
                Ok(written) => {
                    bytes = &bytes[written..];
                    offset += written as u64;
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.failed(errno)),
            }
        }
        Ok(())
    }

    fn write_zeros(&self, offset: u64, length: u64) -> Result<()> {
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(self.file, punch, offset, length) {
            Ok(()) => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NODEV | Errno::NOSYS) => self.overwrite_zeros(offset, length),
            Err(errno) => Err(fail::at_target("clearing a part of", self.path, errno)),
        }
    }

    /// For devices that cannot discard: many blocks are zeros already, and reading is cheaper than wearing them.
    fn overwrite_zeros(&self, offset: u64, length: u64) -> Result<()> {
        let mut buffer = vec![0; ZEROS_BYTES];
        let mut at = offset;
        while at < offset + length {
            let part = usize::try_from(offset + length - at).map_or(buffer.len(), |rest| rest.min(buffer.len()));
            let read = rustix::io::pread(self.file, &mut buffer[..part], at).unwrap_or(0);
            if read < part || !digest::is_zero(&buffer[..part]) {
                buffer.fill(0);
                self.write_all(&buffer[..part], at)?;
            }
            at += part as u64;
        }
        Ok(())
    }
}

/// A large file that stays open while its segments are written, and what is past the page cache of it.
#[derive(Clone, Debug)]
pub(super) struct OpenFile {
    /// As it was opened.
    pub file: Arc<OwnedFd>,
    /// Past the page cache, for both ways; none where what is read so may come from there all the same.
    pub direct: Option<Arc<OwnedFd>>,
}

impl OpenFile {
    /// Takes a file that was opened, and opens it once more.
    pub(super) fn new(file: OwnedFd) -> OpenFile {
        let direct = Some(file.as_fd()).filter(|file| direct::is_direct(*file)).and_then(|file| direct::open(file, OFlags::RDWR));
        OpenFile { file: Arc::new(file), direct: direct.map(Arc::new) }
    }

    /// Returns it for writing; the path is that under which it was opened.
    pub(super) fn writable<'a>(&'a self, path: &'a [u8]) -> Writable<'a> {
        Writable { direct: self.direct.as_ref().map(AsFd::as_fd), ..Writable::file(self.file.as_fd(), path) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    fn piece(offset: u64, bytes: &[u8]) -> Piece<'_> {
        Piece { offset, length: bytes.len() as u64, bytes: Some(bytes) }
    }

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at / 251 + at) as u8).collect()
    }

    #[test]
    fn what_lies_anywhere_is_written_past_the_page_cache_if_it_has_whole_sectors() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = File::create_new(folder.path().join("device")).expect("a file");
        let direct = direct::open(file.as_fd(), OFlags::RDWR).expect("disks have it, and so has memory since Linux 6.6");
        let device = Writable::device(file.as_fd(), Some(direct.as_fd()));
        let bytes = content(3 * ALIGNMENT + 1);
        let mut buffer = Buffer::default();
        for start in [0, 1] {
            let part = &bytes[start..start + 2 * ALIGNMENT];
            assert!(device.write_direct(part, ALIGNMENT as u64, &mut buffer).expect("written"));
            let mut found = vec![0; part.len()];
            file.read_exact_at(&mut found, ALIGNMENT as u64).expect("read");
            assert_eq!(found, part);
        }
        for (length, offset) in [(ALIGNMENT - 1, 0), (ALIGNMENT, 512)] {
            assert!(!device.write_direct(&bytes[..length], offset, &mut buffer).expect("left to the other way"));
        }
    }

    #[test]
    fn a_file_that_is_written_both_ways_has_it_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let opened = OpenFile::new(File::create_new(&path).expect("a file").into());
        let bytes = content(5 * DIRECT_BYTES_MIN + 77);
        let ends = [0, 5000, DIRECT_BYTES_MIN, 2 * DIRECT_BYTES_MIN, 2 * DIRECT_BYTES_MIN + 8192, 4 * DIRECT_BYTES_MIN + 8192, bytes.len()];
        let mut pieces: Vec<Piece<'_>> = ends.windows(2).map(|ends| piece(ends[0] as u64, &bytes[ends[0]..ends[1]])).collect();
        // In another order than it lies in the file.
        pieces.rotate_left(3);
        opened.writable(b"file").write(&pieces, &mut Buffer::default()).expect("written");
        assert!(std::fs::read(&path).expect("read") == bytes);
        let hole = Piece { offset: DIRECT_BYTES_MIN as u64, length: 2 * DIRECT_BYTES_MIN as u64, bytes: None };
        opened.writable(b"file").write(&[hole], &mut Buffer::default()).expect("cleared");
        let found = std::fs::read(&path).expect("read");
        assert!(digest::is_zero(&found[DIRECT_BYTES_MIN..3 * DIRECT_BYTES_MIN]));
        assert!(found[3 * DIRECT_BYTES_MIN..] == bytes[3 * DIRECT_BYTES_MIN..]);
    }
}
