//! A volume as a mover finds it mounted: opened, sized, synced, and told apart from others.
//!
//! Common to both ends; what each end does with it is in [`crate::mover::pass::source`] and [`crate::mover::pass::target`].

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, StatxFlags};
use rustix::time::ClockId;

use super::clock::Clock;
use super::device;
use super::origin::VolumeOrigin;
use super::stat::Time;
use super::tree::Tree;
use crate::contract::orders::{Reason, Volume, VolumeMode};
use crate::mover::ground::fail::{Halt, Result};

/// Where a volume's data is.
#[derive(Debug)]
pub enum VolumeData {
    /// A file system.
    Tree(Tree),
    /// A device, or a file that is treated as one.
    Device(OwnedFd),
}

impl VolumeData {
    /// Opens what is at this path.
    pub fn open(path: &Path, mode: VolumeMode, is_written: bool) -> Result<VolumeData> {
        match mode {
            VolumeMode::Block => device::open(path, is_written).map(VolumeData::Device),
            VolumeMode::Filesystem => Tree::open(path).map(VolumeData::Tree).map_err(|errno| {
                let message = format!("`{}` cannot be opened as a folder: {errno}", path.display());
                Halt::new(Reason::BadOrder, message)
            }),
        }
    }

    /// Returns a descriptor of it.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        match self {
            VolumeData::Tree(tree) => tree.root(),
            VolumeData::Device(device) => device.as_fd(),
        }
    }

    /// Writes everything to the disk.
    pub fn sync(&self) -> rustix::io::Result<()> {
        match self {
            VolumeData::Tree(tree) => rustix::fs::syncfs(tree.root()),
            VolumeData::Device(device) => rustix::fs::fsync(device),
        }
    }

    /// Returns what a manifest made by this process, now, is to be known by.
    pub fn origin(&self, process: u64) -> VolumeOrigin {
        let stat = rustix::fs::fstat(self.fd());
        let volume = stat.map_or((0, 0), |stat| match self {
            VolumeData::Tree(_) => (stat.st_dev, stat.st_ino),
            VolumeData::Device(_) => (stat.st_rdev, stat.st_ino),
        });
        let mount = match self {
            VolumeData::Tree(tree) => mount_of(tree.root()).unwrap_or(process),
            // No stamps of a device are ever compared.
            VolumeData::Device(_) => 0,
        };
        VolumeOrigin { boot: boot(process), process, volume, mount }
    }

    /// Returns how stamps are to be taken in a pass that begins now.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let now = rustix::time::clock_gettime(ClockId::Realtime);
        let is_local = rustix::fs::fstatfs(self.fd()).is_ok_and(|statfs| LOCAL.contains(&(statfs.f_type as u64 & 0xffff_ffff)));
        Clock { began: Time { seconds: now.tv_sec, nanos: u32::try_from(now.tv_nsec).unwrap_or(0) }, is_foreign: !is_local }
    }
}

/// File systems whose stamps come from this kernel's clock: ext, xfs, btrfs, f2fs, zfs, overlay, bcachefs.
///
/// Not tmpfs: it has nothing to write back, so that a page that was mapped and stamped once is never stamped again.
const LOCAL: [u64; 7] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x2fc1_2fc1, 0x794c_7630, 0xca45_1a4e];

/// Returns a number that no other mount had or will have until the next boot (Linux 6.8). The older one is given out again, so that
/// there every process must count as a mount of its own.
fn mount_of(root: BorrowedFd<'_>) -> Option<u64> {
    let unique = StatxFlags::from_bits_retain(0x4000);
    let statx = rustix::fs::statx(root, "", AtFlags::EMPTY_PATH, unique).ok()?;
    (statx.stx_mask & unique.bits() != 0).then_some(statx.stx_mnt_id)
}

/// Returns the boot of the kernel. Where it cannot be known, every process counts as a boot of its own.
fn boot(process: u64) -> String {
    match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(boot) => boot.trim().to_owned(),
        Err(_) => format!("unknown-{process}"),
    }
}

/// Returns the path of a volume beneath the folder where all are mounted, if its name is one plain component.
pub fn path_of(root: &Path, volume: &Volume) -> Result<PathBuf> {
    let name = &volume.name;
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 253 || !name.bytes().all(is_plain) {
        return Err(Halt::new(Reason::BadOrder, format!("`{name}` is not the name of a volume")));
    }
    Ok(root.join(name))
}
