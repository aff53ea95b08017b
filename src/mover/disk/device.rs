//! Raw devices: opened, sized, and guessed to be blank or not. A file may stand for a device.
//!
//! What is on them is not read here but for that guess.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, SeekFrom};

use crate::contract::orders::Reason;
use crate::mover::ground::digest;
use crate::mover::ground::fail::{self, Halt, Result};

/// Opens a device, or a regular file in its place.
pub fn open(path: &Path, is_written: bool) -> Result<OwnedFd> {
    let access = if is_written { OFlags::RDWR } else { OFlags::RDONLY };
    let shown = path.display();
    let refused = |what: &str| Halt::new(Reason::BadOrder, format!("`{shown}` {what}"));
    let opened = rustix::fs::open(path, access | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| refused(&format!("cannot be opened as a device: {errno}")))?;
    let stat = rustix::fs::fstat(&opened).map_err(|errno| refused(&errno.to_string()))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::BlockDevice | FileType::RegularFile => Ok(opened),
        _ => Err(refused("is not a block device")),
    }
}

/// Returns the size of a device in bytes.
pub fn size(device: BorrowedFd<'_>) -> Result<u64> {
    rustix::fs::seek(device, SeekFrom::End(0)).map_err(|errno| fail::system("finding the size of the device", b"", errno))
}

/// Returns whether a device looks as if it was never written: places all over it are zeros. Only a guess, which decides
/// whether it is read before it is written; both ways are safe.
#[must_use]
pub fn looks_blank(device: BorrowedFd<'_>, size: u64) -> bool {
    let mut buffer = vec![0; 64 << 10];
    let step = (size / 64).max(buffer.len() as u64);
    (0..size).step_by(usize::try_from(step).unwrap_or(usize::MAX)).all(|offset| {
        let length = buffer.len().min((size - offset) as usize);
        rustix::io::pread(device, &mut buffer[..length], offset).is_ok_and(|read| digest::is_zero(&buffer[..read]))
    })
}
