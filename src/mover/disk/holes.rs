//! Where a file has data, going by what its file system says of its holes.
//!
//! A file may say that it has any size, and have next to nothing: what is a hole costs neither time nor memory. File systems that cannot tell
//! say that all is data, and all is read then. Nothing is read here.

use std::ops::Range;
use std::os::fd::BorrowedFd;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

use crate::mover::ground::digest::BLOCK_BYTES;

/// Returns where the next data is, from a place on; none if there is none. Says right here where the file system cannot tell.
pub(crate) fn next_data(file: BorrowedFd<'_>, offset: u64) -> Option<u64> {
    match rustix::fs::seek(file, SeekFrom::Data(offset)) {
        Ok(data) => Some(data),
        Err(Errno::NXIO) => None,
        Err(_) => Some(offset),
    }
}

/// Returns whether there is no data at all in this stretch; says no where the file system cannot tell.
pub(crate) fn is_hole(file: BorrowedFd<'_>, offset: u64, length: u64) -> bool {
    next_data(file, offset).is_none_or(|data| data >= offset + length)
}

/// Returns the parts of a stretch where there is data, in whole blocks but for the end of the stretch. Where the file system cannot
/// tell, or there are many, that is all of it.
pub(crate) fn data_within(file: BorrowedFd<'_>, offset: u64, length: u64) -> Vec<Range<usize>> {
    let parts = if length < PARTS_BYTES_MIN { is_hole(file, offset, length).then(Vec::new) } else { parts_within(file, offset, length) };
    parts.unwrap_or_else(|| std::iter::once(0..length as usize).collect())
}

/// As [`data_within`]; none where all is to be read.
fn parts_within(file: BorrowedFd<'_>, offset: u64, length: u64) -> Option<Vec<Range<usize>>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut at = offset;
    while at < offset + length {
        let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(start) if start < offset + length => start,
            Ok(_) | Err(Errno::NXIO) => break,
            Err(_) => return None,
        };
        at = rustix::fs::seek(file, SeekFrom::Hole(start)).ok().filter(|end| *end > start)?;
        add_part(&mut parts, (start - offset) as usize, (at - offset).min(length) as usize, length as usize);
        if parts.len() > PARTS_MAX {
            return None;
        }
    }
    Some(parts)
}

/// Adds data that was found behind the others, grown to whole blocks.
fn add_part(parts: &mut Vec<Range<usize>>, start: usize, end: usize, length: usize) {
    let part = start / BLOCK_BYTES * BLOCK_BYTES..end.next_multiple_of(BLOCK_BYTES).min(length);
    match parts.last_mut().filter(|last| part.start <= last.end) {
        Some(last) => last.end = last.end.max(part.end),
        None => parts.push(part),
    }
}

/// A shorter stretch is read whole if there is data in it.
const PARTS_BYTES_MIN: u64 = 256 << 10;
/// More parts than this are not worth the calls.
const PARTS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::mover::ground::digest::SEGMENT_BYTES;

    #[test]
    fn only_data_is_read_in_whole_blocks() {
        const BLOCK: u64 = BLOCK_BYTES as u64;
        let file = tempfile::tempfile().expect("a file");
        let write = |block: u64, byte: u64| file.write_all_at(&[1], block * BLOCK + byte).expect("written");
        file.set_len(SEGMENT_BYTES as u64 * 3).expect("a size");
        [(64, 0), (65, 8191), (200, 4711), (1000, 0)].into_iter().for_each(|(block, byte)| write(block, byte));
        let found = |from: u64, blocks: u64| {
            let parts = data_within(file.as_fd(), from * BLOCK, blocks * BLOCK);
            parts.into_iter().map(|part| (part.start as u64 / BLOCK, part.end as u64 / BLOCK)).collect::<Vec<_>>()
        };
        assert_eq!(found(0, 512), [(64, 66), (200, 201)]);
        assert_eq!(found(65, 512), [(0, 1), (135, 136)]);
        assert_eq!(found(512, 512), [(488, 489)]);
        assert_eq!(found(1024, 512), []);
        assert_eq!(found(64, 2), [(0, 2)], "short ones are read whole");
        assert_eq!(found(190, 16), [(0, 16)], "short ones are read whole");
        (0..512).step_by(4).for_each(|block| write(block, 0));
        assert_eq!(found(0, 512), [(0, 512)], "many parts are read whole");
    }
}
