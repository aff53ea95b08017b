//! Inode flags that a copy cannot keep: which they are, and what a person does about them.
//!
//! A mover has not the capability that most of them take at the target. A volume that has them could not be written on the way back. They come
//! with every look at an entry and cost no call of their own. Flags that only a call for each file would tell are not looked at, nor is the
//! one that leaves a file out of dumps: it says nothing of the file itself.

use rustix::fs::StatxAttributes;

use crate::contract::orders::Reason;
use crate::mover::ground::fail::{Halt, Result};
use crate::mover::ground::path;

/// A flag that is refused.
struct Flag {
    attribute: StatxAttributes,
    /// What an entry is that has it.
    is: &'static str,
    /// What is to be done about it.
    remedy: &'static str,
}

const REFUSED: [Flag; 4] = [
    Flag { attribute: StatxAttributes::IMMUTABLE, is: "immutable", remedy: "take that off before the move (`chattr -i`)" },
    Flag { attribute: StatxAttributes::APPEND, is: "append-only", remedy: "take that off before the move (`chattr -a`)" },
    Flag { attribute: StatxAttributes::VERITY, is: "sealed by fs-verity", remedy: "put a copy in its place before the move" },
    Flag {
        attribute: StatxAttributes::ENCRYPTED,
        is: "encrypted by the file system of its volume",
        remedy: "put a copy that is not in its place before the move",
    },
];

/// Refuses an entry that has a flag which the copy would not have. A volume whose root is encrypted is so by its storage class, as one on
/// an encrypted disk is; that is not a matter of its files.
pub(super) fn check(attributes: StatxAttributes, root: StatxAttributes, path: &[u8]) -> Result<()> {
    let own = attributes.difference(root & StatxAttributes::ENCRYPTED);
    match REFUSED.iter().find(|flag| own.contains(flag.attribute)) {
        Some(Flag { is, remedy, .. }) => {
            let message = format!("`{}` is {is}, which cannot be kept: {remedy}", path::shown(path));
            Err(Halt::new(Reason::CannotKeep, message))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: StatxAttributes = StatxAttributes::empty();

    fn refusal(attributes: StatxAttributes, root: StatxAttributes) -> Option<String> {
        match check(attributes, root, b"conf/locked") {
            Ok(()) => None,
            Err(Halt::Failed(failure)) => {
                assert_eq!(failure.reason, Reason::CannotKeep);
                Some(failure.message)
            }
            Err(Halt::Cancelled) => panic!("nobody cancelled"),
        }
    }

    #[test]
    fn each_flag_is_named_with_what_to_do() {
        let wanted = "`conf/locked` is immutable, which cannot be kept: take that off before the move (`chattr -i`)";
        assert_eq!(refusal(StatxAttributes::IMMUTABLE, NONE).as_deref(), Some(wanted));
        for flag in &REFUSED {
            let told = refusal(flag.attribute, NONE).expect("it is refused");
            assert!(told.contains(flag.is) && told.contains(flag.remedy), "{told}");
        }
    }

    #[test]
    fn what_is_no_flag_of_the_app_is_not_refused() {
        let of_the_mount = StatxAttributes::MOUNT_ROOT | StatxAttributes::AUTOMOUNT | StatxAttributes::DAX;
        for attributes in [NONE, of_the_mount, StatxAttributes::COMPRESSED] {
            assert_eq!(refusal(attributes, NONE), None);
        }
    }

    #[test]
    fn only_encryption_is_a_matter_of_the_volume() {
        assert_eq!(refusal(StatxAttributes::ENCRYPTED, StatxAttributes::ENCRYPTED), None);
        assert!(refusal(StatxAttributes::ENCRYPTED, NONE).is_some());
        assert!(refusal(StatxAttributes::APPEND, StatxAttributes::APPEND).is_some());
    }
}
