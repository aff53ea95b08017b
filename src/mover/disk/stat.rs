//! What one look at an entry tells: its type, its identity, and how it is held.
//!
//! Nothing is opened or read here.

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, FileType, Statx, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// The type of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum EntryKind {
    Regular,
    Directory,
    Symlink,
    Fifo,
    Socket,
    CharDevice,
    BlockDevice,
}

/// Seconds and nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Time {
    /// Seconds, negative before 1970.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
}

/// What identifies an entry's state at its own end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The inode number.
    pub inode: u64,
    /// The size in bytes.
    pub size: u64,
    /// When the content changed last, as far as the application lets us know.
    pub mtime: Time,
    /// When anything changed last, by the kernel's own clock.
    pub ctime: Time,
}

/// The result of one `statx`.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    /// The type.
    pub kind: EntryKind,
    /// Its identity.
    pub stamp: Stamp,
    /// The number of hard links.
    pub links: u32,
    /// 512-byte units that are allocated.
    pub allocated: u64,
    /// Its inode flags, as far as the file system tells them without being asked.
    pub attributes: StatxAttributes,
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) device: (u32, u32),
}

const WANTED: StatxFlags = StatxFlags::BASIC_STATS;

/// Looks at an open file.
pub fn see(file: BorrowedFd<'_>) -> rustix::io::Result<Stat> {
    rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, WANTED).and_then(|statx| read(&statx))
}

/// Looks at a name in a directory, not following links.
pub fn see_at(directory: BorrowedFd<'_>, name: &[u8]) -> rustix::io::Result<Stat> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    rustix::fs::statx(directory, name, flags, WANTED).and_then(|statx| read(&statx))
}

fn read(statx: &Statx) -> rustix::io::Result<Stat> {
    let kind = match FileType::from_raw_mode(statx.stx_mode.into()) {
        FileType::RegularFile => EntryKind::Regular,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Symlink,
        FileType::Fifo => EntryKind::Fifo,
        FileType::Socket => EntryKind::Socket,
        FileType::CharacterDevice => EntryKind::CharDevice,
        FileType::BlockDevice => EntryKind::BlockDevice,
        FileType::Unknown => return Err(Errno::OPNOTSUPP),
    };
    let is_device = matches!(kind, EntryKind::CharDevice | EntryKind::BlockDevice);
    Ok(Stat {
        kind,
        stamp: Stamp { inode: statx.stx_ino, size: statx.stx_size, mtime: time(statx.stx_mtime), ctime: time(statx.stx_ctime) },
        links: statx.stx_nlink,
        allocated: statx.stx_blocks,
        attributes: statx.stx_attributes,
        mode: statx.stx_mode & 0o7777,
        uid: statx.stx_uid,
        gid: statx.stx_gid,
        device: if is_device { (statx.stx_rdev_major, statx.stx_rdev_minor) } else { (0, 0) },
    })
}

fn time(stamp: rustix::fs::StatxTimestamp) -> Time {
    Time { seconds: stamp.tv_sec, nanos: stamp.tv_nsec }
}

impl Stat {
    /// Returns the major and minor number of a device; zeros for others.
    pub(crate) fn device(&self) -> (u32, u32) {
        self.device
    }

    /// Returns its permissions with the setuid, setgid and sticky bits.
    pub(crate) fn mode(&self) -> u16 {
        self.mode
    }
}
