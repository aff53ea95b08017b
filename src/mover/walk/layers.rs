//! Layers of union file systems: noticed at the source, because what says which of their files are hidden cannot be seen.
//!
//! An overlay keeps that in attributes of the kernel's own name space (`trusted.overlay.*`: <https://docs.kernel.org/filesystems/overlayfs.html>). Who has
//! not `CAP_SYS_ADMIN` neither sees nor sets them. So a copy without them would bring back what was deleted, and both ends
//! would agree. What other programs keep there leaves no such trace.

use rustix::thread::CapabilitySet;

use crate::contract::orders::Reason;
use crate::mover::disk::stat::{EntryKind, Stat};
use crate::mover::ground::fail::{Halt, Result};
use crate::mover::ground::path;

/// Returns whether this thread sees every attribute.
pub(super) fn all_attributes_are_seen() -> bool {
    rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
}

/// Refuses what only an overlay makes: its work folder (`work`, of mode 000, in the one that it was given), and the devices 0:0 that hide a name.
pub(super) fn check(seen: &Stat, path: &[u8]) -> Result<()> {
    let is = match seen.kind {
        EntryKind::Directory if seen.mode() == 0 && path::split(path).1 == b"work" => "the work folder of an overlay",
        EntryKind::CharDevice if seen.device() == (0, 0) => "a whiteout of an overlay",
        EntryKind::Regular
        | EntryKind::Directory
        | EntryKind::Symlink
        | EntryKind::Fifo
        | EntryKind::Socket
        | EntryKind::CharDevice
        | EntryKind::BlockDevice => return Ok(()),
    };
    let message = format!(
        "`{}` is {is}, whose layers cannot be kept: they need attributes `trusted.*`, which only CAP_SYS_ADMIN sees. Remove the layers before the move",
        path::shown(path)
    );
    Err(Halt::new(Reason::CannotKeep, message))
}
