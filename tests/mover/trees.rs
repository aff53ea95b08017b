//! Trees on disk: made by random operations that proptest can shrink, and compared entry by entry.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rustix::fs::{AtFlags, CWD, FallocateFlags, FileType, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags};

/// One operation on a tree; one that cannot be done (no such file) does nothing.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Write { at: At, offset: u32, length: u32, seed: u8 },
    Truncate { at: At, size: u32 },
    Punch { at: At, offset: u32, length: u32 },
    Folder { at: At },
    Symlink { at: At, to: u8 },
    Link { at: At, to: At },
    Rename { at: At, to: At },
    Special { at: At, which: u8 },
    Remove { at: At },
    Mode { at: At, mode: u16 },
    Owner { at: At, uid: u16, gid: u16 },
    Time { at: At, seconds: i32, nanos: u32 },
    Xattr { at: At, which: u8, length: u16 },
    AccessList { at: At, is_default: bool },
}

/// A path of up to three names out of few, so that operations meet.
#[derive(Clone, Debug)]
pub(crate) struct At(Vec<u8>);

const NAMES: [&[u8]; 7] = [b"a", b"b", b"...", b"\xff\xfe", b"new\nline", b" ", b"-rf"];

impl At {
    fn beneath(&self, root: &Path) -> PathBuf {
        self.0.iter().fold(root.to_owned(), |path, index| path.join(OsStr::from_bytes(NAMES[usize::from(*index) % NAMES.len()])))
    }
}

fn at() -> impl Strategy<Value = At> {
    prop::collection::vec(0..NAMES.len() as u8, 1..=3).prop_map(At)
}

/// Sizes around the borders of blocks and segments, and small ones.
fn size() -> impl Strategy<Value = u32> {
    const BLOCK: u32 = 64 << 10;
    const SEGMENT: u32 = 4 << 20;
    prop_oneof![
        4 => 0..5000_u32,
        2 => (0..5_u32, 0..3_u32).prop_map(|(blocks, more)| (blocks * BLOCK + more).saturating_sub(1)),
        1 => (0..3_u32, 0..3_u32).prop_map(|(segments, more)| (segments * SEGMENT + more).saturating_sub(1)),
        1 => 0..9_000_000_u32,
    ]
}

pub(crate) fn ops(count: usize) -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => (at(), size(), size(), any::<u8>()).prop_map(|(at, offset, length, seed)| Op::Write { at, offset, length: length / 2 + 1, seed }),
        2 => (at(), size()).prop_map(|(at, size)| Op::Truncate { at, size }),
        2 => (at(), size(), size()).prop_map(|(at, offset, length)| Op::Punch { at, offset, length: length + 1 }),
        4 => at().prop_map(|at| Op::Folder { at }),
        2 => (at(), any::<u8>()).prop_map(|(at, to)| Op::Symlink { at, to }),
        4 => (at(), at()).prop_map(|(at, to)| Op::Link { at, to }),
        2 => (at(), at()).prop_map(|(at, to)| Op::Rename { at, to }),
        2 => (at(), any::<u8>()).prop_map(|(at, which)| Op::Special { at, which }),
        3 => at().prop_map(|at| Op::Remove { at }),
        2 => (at(), 0..0o10000_u16).prop_map(|(at, mode)| Op::Mode { at, mode }),
        2 => (at(), any::<u16>(), any::<u16>()).prop_map(|(at, uid, gid)| Op::Owner { at, uid, gid }),
        2 => (at(), any::<i32>(), 0..1_000_000_000_u32).prop_map(|(at, seconds, nanos)| Op::Time { at, seconds, nanos }),
        2 => (at(), any::<u8>(), 0..2000_u16).prop_map(|(at, which, length)| Op::Xattr { at, which, length }),
        1 => (at(), any::<bool>()).prop_map(|(at, is_default)| Op::AccessList { at, is_default }),
    ];
    prop::collection::vec(op, 0..count)
}

pub(crate) fn apply(root: &Path, ops: &[Op]) {
    for op in ops {
        // An operation that does not fit the tree is left out, which keeps every sequence valid.
        let _ = apply_one(root, op);
    }
}

fn apply_one(root: &Path, op: &Op) -> std::io::Result<()> {
    match op {
        Op::Write { at, offset, length, seed } => {
            let path = at.beneath(root);
            if std::fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
                return Ok(());
            }
            let file = File::options().write(true).create(true).truncate(false).open(path)?;
            file.write_all_at(&noise(*seed, *length as usize), u64::from(*offset))?;
        }
        Op::Truncate { at, size } => regular(&at.beneath(root))?.set_len(u64::from(*size))?,
        Op::Punch { at, offset, length } => {
            let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            rustix::fs::fallocate(regular(&at.beneath(root))?, punch, u64::from(*offset), u64::from(*length))?;
        }
        Op::Folder { at } => std::fs::create_dir(at.beneath(root))?,
        Op::Symlink { at, to } => std::os::unix::fs::symlink(format!("somewhere/{to}"), at.beneath(root))?,
        Op::Link { at, to } => std::fs::hard_link(to.beneath(root), at.beneath(root))?,
        Op::Rename { at, to } => std::fs::rename(at.beneath(root), to.beneath(root))?,
        Op::Special { at, which } => {
            let (kind, device) = match which % 4 {
                0 => (FileType::Fifo, 0),
                1 => (FileType::Socket, 0),
                2 => (FileType::CharacterDevice, rustix::fs::makedev(u32::from(*which), 7)),
                _ => (FileType::BlockDevice, rustix::fs::makedev(7, u32::from(*which))),
            };
            rustix::fs::mknodat(CWD, at.beneath(root), kind, Mode::from_raw_mode(0o640), device)?;
        }
        Op::Remove { at } => {
            let path = at.beneath(root);
            if std::fs::symlink_metadata(&path)?.is_dir() {
                std::fs::remove_dir_all(path)?;
            } else {
                std::fs::remove_file(path)?;
            }
        }
        Op::Mode { at, mode } => {
            let path = at.beneath(root);
            if !std::fs::symlink_metadata(&path)?.is_symlink() {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(u32::from(*mode) | needed_to_read()))?;
            }
        }
        Op::Owner { at, uid, gid } => {
            let (uid, gid) = (Uid::from_raw((*uid).into()), Gid::from_raw((*gid).into()));
            rustix::fs::chownat(CWD, at.beneath(root), Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Op::Time { at, seconds, nanos } => {
            let time = Timespec { tv_sec: (*seconds).into(), tv_nsec: (*nanos).into() };
            let times = Timestamps { last_access: time, last_modification: time };
            rustix::fs::utimensat(CWD, at.beneath(root), &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Op::Xattr { at, which, length } => {
            let path = at.beneath(root);
            let name = match which % 4 {
                0 => "security.capability",
                1 => "user.two",
                2 => "user.one",
                _ => "user.\u{e9}",
            };
            // `cap_net_raw+ep`, as the kernel keeps it.
            let capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            let value = if which % 4 == 0 { capability.to_vec() } else { noise(*which, usize::from(*length)) };
            rustix::fs::lsetxattr(path, name, &value, XattrFlags::empty())?;
        }
        Op::AccessList { at, is_default } => {
            let name = if *is_default { "system.posix_acl_default" } else { "system.posix_acl_access" };
            // rwx for the owner, rw for user 1000, r for the group, mask rw, nothing for others.
            let entries: [(u16, u16, u32); 5] = [(1, 7, u32::MAX), (2, 6, 1000), (4, 4, u32::MAX), (16, 6, u32::MAX), (32, 0, u32::MAX)];
            let mut value = 2_u32.to_le_bytes().to_vec();
            for (tag, permissions, id) in entries {
                value.extend_from_slice(&tag.to_le_bytes());
                value.extend_from_slice(&permissions.to_le_bytes());
                value.extend_from_slice(&id.to_le_bytes());
            }
            rustix::fs::lsetxattr(at.beneath(root), name, &value, XattrFlags::empty())?;
        }
    }
    Ok(())
}

/// The owner's rights without which this process could not read its own file, or look into its own folder. Root needs none.
fn needed_to_read() -> u32 {
    if rustix::process::geteuid().is_root() { 0 } else { 0o500 }
}

fn regular(path: &Path) -> std::io::Result<File> {
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    File::options().write(true).open(path)
}

/// Bytes that look random, the same for the same seed.
pub(crate) fn noise(seed: u8, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed) * 2 + 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state >> 11).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// All that is compared of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Looks {
    kind: u32,
    mode: u32,
    owner: (u32, u32),
    mtime: (i64, i64),
    device: u64,
    size: u64,
    content: u64,
    link: Option<PathBuf>,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    first_of_inode: PathBuf,
}

/// Reads a whole tree.
pub(crate) fn looks(root: &Path) -> BTreeMap<PathBuf, Looks> {
    let mut all = BTreeMap::new();
    let mut inodes = BTreeMap::new();
    let mut stack = vec![PathBuf::new()];
    let mut paths = Vec::new();
    while let Some(relative) = stack.pop() {
        let path = root.join(&relative);
        if std::fs::symlink_metadata(&path).expect("it is there").is_dir() {
            for entry in std::fs::read_dir(&path).expect("a folder") {
                let name = entry.expect("an entry").file_name();
                let is_empty = || std::fs::read_dir(path.join(&name)).is_ok_and(|mut within| within.next().is_none());
                if !(relative.as_os_str().is_empty() && name == "lost+found" && is_empty()) {
                    stack.push(relative.join(name));
                }
            }
        }
        paths.push(relative);
    }
    paths.sort();
    for relative in paths {
        let looks = look(root, &relative, &mut inodes);
        all.insert(relative, looks);
    }
    all
}

fn look(root: &Path, relative: &Path, inodes: &mut BTreeMap<u64, PathBuf>) -> Looks {
    // Joining nothing would add a slash, which follows a symlink.
    let path = if relative.as_os_str().is_empty() { root.to_owned() } else { root.join(relative) };
    let metadata = std::fs::symlink_metadata(&path).expect("it is there");
    let is_file = metadata.is_file();
    let first = inodes.entry(metadata.ino()).or_insert_with(|| relative.to_owned()).clone();
    let is_device = metadata.mode() & 0o170_000 == 0o020_000 || metadata.mode() & 0o170_000 == 0o060_000;
    Looks {
        kind: metadata.mode() & 0o170_000,
        mode: metadata.mode() & 0o7777,
        owner: (metadata.uid(), metadata.gid()),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        device: if is_device { metadata.rdev() } else { 0 },
        size: if is_file { metadata.size() } else { 0 },
        content: if is_file { sum(&std::fs::read(&path).expect("readable")) } else { 0 },
        link: metadata.is_symlink().then(|| std::fs::read_link(&path).expect("a link")),
        xattrs: xattrs(&path),
        first_of_inode: if metadata.is_dir() { relative.to_owned() } else { first },
    }
}

/// FNV, so as not to share the mover's digest.
fn sum(bytes: &[u8]) -> u64 {
    let fold = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, fold)
}

fn xattrs(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = vec![0; 64 << 10];
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let mut value = vec![0; 64 << 10];
        let length = rustix::fs::lgetxattr(path, name, &mut value[..]).expect("an attribute");
        value[..length].to_vec()
    };
    names.map(|name| (name.to_vec(), value(name))).collect()
}

/// Fails with the first entry that differs.
#[track_caller]
pub(crate) fn assert_same(source: &Path, target: &Path) {
    let (source, target) = (looks(source), looks(target));
    for (path, looks) in &source {
        assert_eq!(Some(looks), target.get(path), "{}", path.display());
    }
    for path in target.keys() {
        assert!(source.contains_key(path), "`{}` is only at the target", path.display());
    }
}
