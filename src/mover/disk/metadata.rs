//! What a file system keeps about an entry beside its content: read at one end, set at the other, or refused.
//!
//! What one look at it tells is in [`super::stat`], which extended attributes are kept in [`super::attributes`]. Access times are not kept.

use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::attributes::{self, AttributeRefusal};
use super::lend;
use super::stat::{EntryKind, Stat, Time, see};
use crate::mover::ground::digest::Digest;
use crate::mover::ground::fail::{self, Result};

/// All extended attributes of one entry together may be this long; the kernel allows as much for one value.
pub const XATTRS_BYTES_MAX: usize = 1 << 20;

/// Everything that is kept of an entry beside its content, size and links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The type.
    pub kind: EntryKind,
    /// Permissions with the setuid, setgid and sticky bits.
    pub mode: u16,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The modification time.
    pub mtime: Time,
    /// Major and minor number of a device; zeros for others.
    pub device: (u32, u32),
    /// Where a symlink points; empty for others.
    pub link: Vec<u8>,
    /// Extended attributes, sorted by name.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Metadata {
    fn of(stat: &Stat, link: Vec<u8>, xattrs: Vec<(Vec<u8>, Vec<u8>)>) -> Metadata {
        Metadata {
            kind: stat.kind,
            mode: stat.mode,
            uid: stat.uid,
            gid: stat.gid,
            mtime: stat.stamp.mtime,
            device: stat.device,
            link,
            xattrs,
        }
    }

    /// Returns the digest by which both ends compare metadata.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let bytes = postcard::to_stdvec(self).expect("plain data can be serialised");
        Digest::of(&bytes)
    }
}

/// Reads the metadata of an open file or directory.
pub fn read(file: BorrowedFd<'_>, stat: &Stat) -> rustix::io::Result<Metadata> {
    let names = match list(|buffer| rustix::fs::flistxattr(file, buffer)) {
        Err(Errno::OPNOTSUPP) => Vec::new(),
        other => other?,
    };
    let values = gather(&names, |name, buffer| rustix::fs::fgetxattr(file, name, buffer))?;
    Ok(Metadata::of(stat, Vec::new(), values))
}

/// Reads the metadata of an entry that is not opened: a symlink, fifo, socket or device.
pub fn read_at(directory: BorrowedFd<'_>, name: &[u8], stat: &Stat) -> rustix::io::Result<Metadata> {
    let link = match stat.kind {
        EntryKind::Symlink => rustix::fs::readlinkat(directory, name, Vec::new())?.into_bytes(),
        _ => Vec::new(),
    };
    let by_path = through_proc(directory, name);
    let names = match list(|buffer| rustix::fs::llistxattr(by_path.as_slice(), buffer)) {
        Err(Errno::OPNOTSUPP) => Vec::new(),
        other => other?,
    };
    let values = gather(&names, |name, buffer| rustix::fs::lgetxattr(by_path.as_slice(), name, buffer))?;
    Ok(Metadata::of(stat, link, values))
}

/// There are no `*xattrat` calls in the kernels we run on. So names are reached through the directory's descriptor in
/// `/proc`, which every container has.
fn through_proc(directory: BorrowedFd<'_>, name: &[u8]) -> Vec<u8> {
    let mut by_path = format!("/proc/self/fd/{}/", directory.as_raw_fd()).into_bytes();
    by_path.extend_from_slice(name);
    by_path
}

type Names = Vec<Vec<u8>>;

fn list(mut call: impl FnMut(&mut [u8]) -> rustix::io::Result<usize>) -> rustix::io::Result<Names> {
    let mut small = [0; 1024];
    let length = match call(&mut small) {
        Err(Errno::RANGE) => return list_long(call),
        other => other?,
    };
    Ok(split_names(&small[..length]))
}

fn list_long(mut call: impl FnMut(&mut [u8]) -> rustix::io::Result<usize>) -> rustix::io::Result<Names> {
    let mut large = vec![0; 64 << 10];
    let length = call(&mut large)?;
    Ok(split_names(&large[..length]))
}

fn split_names(list: &[u8]) -> Names {
    let names = list.split(|&byte| byte == 0);
    let mut names: Names = names.filter(|name| !name.is_empty() && attributes::is_kept(name)).map(<[u8]>::to_vec).collect();
    names.sort_unstable();
    names
}

fn gather(
    names: &Names,
    mut call: impl FnMut(&[u8], &mut [u8]) -> rustix::io::Result<usize>,
) -> rustix::io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut xattrs = Vec::new();
    let mut bytes = 0;
    let mut value = if names.is_empty() { Vec::new() } else { vec![0; 64 << 10] };
    for name in names {
        let length = match call(name, &mut value) {
            // Removed since it was listed.
            Err(Errno::NODATA) => continue,
            other => other?,
        };
        bytes += name.len() + length;
        if bytes > XATTRS_BYTES_MAX {
            return Err(Errno::TOOBIG);
        }
        xattrs.push((name.clone(), value[..length].to_vec()));
    }
    Ok(xattrs)
}

/// Reads everything about the root of a volume. Where it belongs to the node and we have no privileges, nobody could set its
/// time at the other end. Then it is left out at both.
pub fn read_root(file: BorrowedFd<'_>, stat: &Stat) -> rustix::io::Result<Metadata> {
    let metadata = read(file, stat)?;
    let user = rustix::process::geteuid();
    let may_set = user.is_root() || user.as_raw() == stat.uid;
    Ok(if may_set { metadata } else { Metadata { mtime: Time::default(), ..metadata } })
}

/// Sets everything on an open file or directory. The order matters: a change of owner clears setuid bits and file
/// capabilities, an access list changes the group's permissions, and each of them the time.
pub fn set(file: BorrowedFd<'_>, metadata: &Metadata, path: &[u8]) -> Result<()> {
    let (uid, gid) = owner(metadata);
    let is = |same: fn(&Stat, &Metadata) -> bool| see(file).is_ok_and(|seen| same(&seen, metadata));
    rustix::fs::fchown(file, Some(uid), Some(gid))
        .or_else(|errno| forgive(errno, || is(|seen, wanted| (seen.uid, seen.gid) == (wanted.uid, wanted.gid))))
        .map_err(|errno| fail::keeping("setting the owner of", path, errno))?;
    set_xattrs(file, metadata, path)?;
    rustix::fs::fchmod(file, mode(metadata))
        .or_else(|errno| forgive(errno, || is(|seen, wanted| seen.mode & 0o7777 == wanted.mode & 0o7777)))
        .map_err(|errno| fail::keeping("setting the mode of", path, errno))?;
    rustix::fs::futimens(file, &times(metadata))
        .or_else(|errno| forgive(errno, || path.is_empty() && metadata.mtime == Time::default()))
        .map_err(|errno| fail::keeping("setting the time of", path, errno))
}

/// A volume's root belongs to the node, which without privileges we may not change; but it may be as it should be.
fn forgive(errno: Errno, is_so: impl FnOnce() -> bool) -> rustix::io::Result<()> {
    if errno == Errno::PERM && is_so() { Ok(()) } else { Err(errno) }
}

fn set_xattrs(file: BorrowedFd<'_>, metadata: &Metadata, path: &[u8]) -> Result<()> {
    let refused = |errno| fail::keeping("setting an extended attribute of", path, errno);
    let present = match list(|buffer| rustix::fs::flistxattr(file, buffer)) {
        Err(Errno::OPNOTSUPP) => Vec::new(),
        other => other.map_err(refused)?,
    };
    for name in &present {
        if !metadata.xattrs.iter().any(|(wanted, _)| wanted == name) {
            lend::to_write(file, || rustix::fs::fremovexattr(file, name.as_slice())).map_err(refused)?;
        }
    }
    for (name, value) in in_order(metadata) {
        lend::to_write(file, || rustix::fs::fsetxattr(file, name.as_slice(), value, XattrFlags::empty()))
            .map_err(|errno| AttributeRefusal { name, bytes: value.len(), path, errno, has_room: has_room(file) }.halt())?;
    }
    Ok(())
}

/// An access list comes last: it may take from the owner the right that setting the others takes.
fn in_order(metadata: &Metadata) -> impl Iterator<Item = &(Vec<u8>, Vec<u8>)> {
    let is_list = |(name, _): &&(Vec<u8>, Vec<u8>)| name.starts_with(b"system.");
    let others = metadata.xattrs.iter().filter(move |xattr| !is_list(xattr));
    others.chain(metadata.xattrs.iter().filter(is_list))
}

/// Sets everything on a symlink, fifo, socket or device that was just made.
pub fn set_at(directory: BorrowedFd<'_>, name: &[u8], metadata: &Metadata, path: &[u8]) -> Result<()> {
    let (uid, gid) = owner(metadata);
    rustix::fs::chownat(directory, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|errno| fail::keeping("setting the owner of", path, errno))?;
    set_xattrs_at(directory, name, metadata, path)?;
    if metadata.kind != EntryKind::Symlink {
        rustix::fs::chmodat(directory, name, mode(metadata), AtFlags::empty())
            .map_err(|errno| fail::keeping("setting the mode of", path, errno))?;
    }
    rustix::fs::utimensat(directory, name, &times(metadata), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|errno| fail::keeping("setting the time of", path, errno))
}

fn set_xattrs_at(directory: BorrowedFd<'_>, name: &[u8], metadata: &Metadata, path: &[u8]) -> Result<()> {
    let refused = |errno| fail::keeping("setting an extended attribute of", path, errno);
    let by_path = through_proc(directory, name);
    if metadata.kind != EntryKind::Symlink {
        // A default access list of the directory is inherited by what is made in it.
        let present = match list(|buffer| rustix::fs::llistxattr(by_path.as_slice(), buffer)) {
            Err(Errno::OPNOTSUPP) => Vec::new(),
            other => other.map_err(refused)?,
        };
        for extra in present.iter().filter(|name| !metadata.xattrs.iter().any(|(wanted, _)| wanted == *name)) {
            rustix::fs::lremovexattr(by_path.as_slice(), extra.as_slice()).map_err(refused)?;
        }
    }
    for (name, value) in &metadata.xattrs {
        rustix::fs::lsetxattr(by_path.as_slice(), name.as_slice(), value, XattrFlags::empty())
            .map_err(|errno| AttributeRefusal { name, bytes: value.len(), path, errno, has_room: has_room(directory) }.halt())?;
    }
    Ok(())
}

/// Returns whether a volume has room for more than the attributes of one entry.
fn has_room(file: BorrowedFd<'_>) -> bool {
    rustix::fs::fstatvfs(file).is_ok_and(|stat| stat.f_bavail.saturating_mul(stat.f_frsize) > XATTRS_BYTES_MAX as u64)
}

fn owner(metadata: &Metadata) -> (Uid, Gid) {
    (Uid::from_raw(metadata.uid), Gid::from_raw(metadata.gid))
}

fn mode(metadata: &Metadata) -> Mode {
    Mode::from_raw_mode(u32::from(metadata.mode & 0o7777))
}

fn times(metadata: &Metadata) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
        last_modification: Timespec { tv_sec: metadata.mtime.seconds, tv_nsec: i64::from(metadata.mtime.nanos) },
    }
}

/// Returns whether this metadata, which may come from the wire, is within its bounds.
#[must_use]
pub fn is_sound(metadata: &Metadata) -> bool {
    let bytes: usize = metadata.xattrs.iter().map(|(name, value)| name.len() + value.len()).sum();
    let names_are_plain = metadata.xattrs.iter().all(|(name, _)| !name.is_empty() && name.len() <= 255 && !name.contains(&0));
    bytes <= XATTRS_BYTES_MAX
        && names_are_plain
        && metadata.mtime.nanos < 1_000_000_000
        && metadata.link.len() <= 4096
        && !metadata.link.contains(&0)
        && (metadata.kind == EntryKind::Symlink) != metadata.link.is_empty()
}
