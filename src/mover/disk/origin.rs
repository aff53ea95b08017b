//! By what a volume, its mount and the process that looked at it are known again.
//!
//! Whether a manifest is believed for that is decided by its owner.

use serde::{Deserialize, Serialize};

/// Under what circumstances a manifest was made; its owner decides by this whether to believe it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeOrigin {
    /// The boot of the kernel: after another one, data and stamps on the disk may have parted.
    pub boot: String,
    /// The process.
    pub process: u64,
    /// The volume: device number and inode of its root.
    pub volume: (u64, u64),
    /// The mount, since another volume may come to be mounted under the same numbers: a snapshot of this one, whose stamps may be
    /// newer than its data.
    pub mount: u64,
}

impl VolumeOrigin {
    /// Returns whether stamps of one still mean something for the other.
    #[must_use]
    pub fn is_comparable(&self, other: &VolumeOrigin) -> bool {
        (&self.boot, self.volume, self.mount) == (&other.boot, other.volume, other.mount)
    }
}
