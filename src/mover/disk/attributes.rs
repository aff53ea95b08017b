//! Extended attributes: which of them are the application's, and what a refusal of one means.
//!
//! Labels that a node's policy gives or measures are not the application's data and are left out at both ends ([`OF_THE_NODE`]). Everything else that can be
//! seen is kept or refused by name. Attributes of the name space `trusted` cannot be seen without `CAP_SYS_ADMIN` (`xattr(7)`), which
//! movers do not have: see [`crate::mover::walk::layers`] for what is noticed of them. Nothing is read or set here.

use rustix::io::Errno;

use crate::contract::orders::Reason;
use crate::mover::ground::fail::{self, Halt};
use crate::mover::ground::path;

/// What a node's policy gives: labels of SELinux and Smack and the digests of `restorecon`, and the measurements of IMA and EVM, which
/// hold for one node's key. The kernel gives labels anew where files are made.
const OF_THE_NODE: [&[u8]; 6] =
    [b"security.selinux", b"security.sehash", b"security.restorecon_last", b"security.SMACK64", b"security.ima", b"security.evm"];

/// Returns whether an attribute is the application's.
pub(super) fn is_kept(name: &[u8]) -> bool {
    // Smack has several names that begin alike.
    let is_given = |given: &[u8]| name == given || (given == b"security.SMACK64" && name.starts_with(given));
    !OF_THE_NODE.into_iter().any(is_given)
}

/// An attribute that the target refused.
pub(super) struct AttributeRefusal<'a> {
    /// Its name.
    pub(super) name: &'a [u8],
    /// How long its value is.
    pub(super) bytes: usize,
    /// The path of what has it.
    pub(super) path: &'a [u8],
    /// What the kernel said.
    pub(super) errno: Errno,
    /// Whether the volume has room, so that a lack of it is one of room for attributes.
    pub(super) has_room: bool,
}

impl AttributeRefusal<'_> {
    /// Returns the failure, with what to do where that is known.
    pub(super) fn halt(&self) -> Halt {
        let AttributeRefusal { name, bytes, path, errno, has_room } = *self;
        let attribute = format!("the extended attribute `{}` ({bytes} bytes) of `{}`", path::shown(name), path::shown(path));
        let cannot = |why: String| Halt::new(Reason::CannotKeep, format!("the target's file system cannot hold {attribute}: {why}"));
        match errno {
            Errno::NOSPC if has_room => cannot(HAS_NO_ROOM.to_owned()),
            Errno::TOOBIG | Errno::RANGE => cannot(HAS_NO_ROOM.to_owned()),
            Errno::NOSPC | Errno::DQUOT | Errno::IO => {
                fail::keeping(&format!("setting the extended attribute `{}` of", path::shown(name)), path, errno)
            }
            Errno::PERM if name.starts_with(b"security.") => {
                let why = format!(
                    "setting it takes CAP_SYS_ADMIN, which movers do not have. Take it off before the move: `setfattr -x {} FILE`",
                    path::shown(name)
                );
                Halt::new(Reason::CannotKeep, format!("{attribute} cannot be kept: {why}"))
            }
            _ => cannot(why(name, errno)),
        }
    }
}

const HAS_NO_ROOM: &str = "XFS takes 64 KiB in each attribute, ext4 one block for all of a file, or more with its feature `ea_inode`";

fn why(name: &[u8], errno: Errno) -> String {
    if name.starts_with(b"system.nfs4_") || name.starts_with(b"system.richacl") {
        return "it is an access list of NFSv4. Choose a class with NFSv4".to_owned();
    }
    let of_its_own = [b"btrfs.".as_slice(), b"lustre.", b"ceph.", b"glusterfs.", b"system.cifs_", b"system.smb3_", b"system.ntfs_"];
    if of_its_own.iter().any(|prefix| name.starts_with(prefix)) {
        return "it is a setting of the source's file system. Take it off before the move, or choose a class of that file system"
            .to_owned();
    }
    fail::errno_text(errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &[u8], errno: Errno, has_room: bool) -> (Reason, String) {
        match (AttributeRefusal { name, bytes: 20_000, path: b"photo", errno, has_room }).halt() {
            Halt::Failed(failure) => (failure.reason, failure.message),
            Halt::Cancelled => panic!("nobody cancelled"),
        }
    }

    #[test]
    fn labels_of_the_node_are_left_out_and_nothing_else() {
        for name in ["security.selinux", "security.ima", "security.evm", "security.sehash", "security.SMACK64", "security.SMACK64EXEC"] {
            assert!(!is_kept(name.as_bytes()), "{name}");
        }
        for name in ["security.capability", "security.NTACL", "security.selinux2", "user.selinux", "trusted.overlay.opaque"] {
            assert!(is_kept(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_lack_of_room_for_attributes_is_told_from_a_full_volume() {
        let (reason, message) = said(b"user.preview", Errno::NOSPC, true);
        assert_eq!(reason, Reason::CannotKeep);
        let wanted = "the target's file system cannot hold the extended attribute `user.preview` (20000 bytes) of `photo`: XFS takes";
        assert!(message.starts_with(wanted), "{message}");
        assert_eq!(said(b"user.preview", Errno::NOSPC, false).0, Reason::TargetFull);
        assert_eq!(said(b"user.preview", Errno::DQUOT, true).0, Reason::TargetFull);
        assert_eq!(said(b"user.preview", Errno::IO, true).0, Reason::System);
    }

    #[test]
    fn what_belongs_to_a_file_system_or_to_the_kernel_is_told_with_what_to_do() {
        let cases: [(&[u8], Errno, &str); 5] = [
            (b"system.nfs4_acl", Errno::OPNOTSUPP, "an access list of NFSv4"),
            (b"btrfs.compression", Errno::OPNOTSUPP, "a setting of the source's file system"),
            (b"lustre.lov", Errno::OPNOTSUPP, "a setting of the source's file system"),
            (b"security.NTACL", Errno::PERM, "`setfattr -x security.NTACL FILE`"),
            (b"user.thing", Errno::OPNOTSUPP, "not supported"),
        ];
        for (name, errno, wanted) in cases {
            let (reason, message) = said(name, errno, true);
            assert_eq!(reason, Reason::CannotKeep);
            assert!(message.contains(wanted) && message.contains("(20000 bytes) of `photo`"), "{message}");
        }
    }
}
