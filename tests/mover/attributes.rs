//! Attributes that a mover cannot keep: told by name, in the first pass, while the app runs.

use std::path::Path;

use kubectl_stateful::contract::orders::{Failure, Reason, VolumeMode};
use rustix::fs::{CWD, FileType, Mode, XattrFlags};

use crate::ends::{self, Ends};
use crate::loops::Mounted;
use crate::trees;

/// Sets an attribute; false where that may not be done, which is said.
#[expect(clippy::print_stderr, reason = "a test that tries nothing has to say so")]
fn set(path: &Path, name: &str, value: &[u8]) -> bool {
    let set = rustix::fs::lsetxattr(path, name, value, XattrFlags::empty());
    if let Err(errno) = set {
        eprintln!("not tried: `{name}` cannot be set here: {errno}");
    }
    set.is_ok()
}

/// The failure of a first pass over a file with this attribute.
fn failure_with(mut ends: Ends, name: &str, bytes: usize) -> Option<Failure> {
    std::fs::write(ends.source().join("photo"), "photo").expect("a file");
    set(&ends.source().join("photo"), name, &trees::noise(1, bytes)).then(|| ends::failure(ends.pass(false)))
}

#[test]
fn what_takes_more_than_a_mover_may_is_named() {
    // Samba keeps the access lists of its clients there.
    let Some(failure) = failure_with(Ends::new(VolumeMode::Filesystem), "security.NTACL", 200) else { return };
    assert_eq!(failure.reason, Reason::CannotKeep);
    assert!(failure.message.starts_with("the extended attribute `security.NTACL` (200 bytes) of `photo` cannot be kept"), "{failure:?}");
}

#[test]
fn what_the_targets_file_system_has_no_room_for_is_no_lack_of_space() {
    let (Some(source), Some(target)) = (Mounted::xfs(), Mounted::ext4(64, &[])) else { return };
    let ends = Ends::between(source.path(), target.path());
    let failure = failure_with(ends, "user.preview", 20_000).expect("XFS takes it");
    assert_eq!(failure.reason, Reason::CannotKeep);
    let wanted = "the target's file system cannot hold the extended attribute `user.preview` (20000 bytes) of `photo`";
    assert!(failure.message.starts_with(wanted), "{failure:?}");
}

/// A folder that hides another is marked by an attribute that a mover does not see.
#[test]
fn layers_of_an_overlay_are_noticed() {
    let make_work: fn(&Path) = |root| {
        std::fs::create_dir_all(root.join("layers/work/work")).expect("folders");
        std::fs::set_permissions(root.join("layers/work/work"), std::os::unix::fs::PermissionsExt::from_mode(0o000)).expect("it is ours");
    };
    let make_whiteout: fn(&Path) = |root| {
        std::fs::create_dir(root.join("upper")).expect("a folder");
        rustix::fs::mknodat(CWD, root.join("upper/gone"), FileType::CharacterDevice, Mode::empty(), 0).expect("anybody may");
    };
    for (make, named) in [(make_work, "`layers/work/work` is the work folder"), (make_whiteout, "`upper/gone` is a whiteout")] {
        let mut ends = Ends::new(VolumeMode::Filesystem);
        make(&ends.source());
        for over_tls in [false, true] {
            let failure = ends::failure(if over_tls { ends.pass_over_tls(false) } else { ends.pass(false) });
            assert_eq!(failure.reason, Reason::CannotKeep);
            assert!(failure.message.starts_with(named) && failure.message.contains("trusted."), "{failure:?}");
        }
    }
}

/// By hand, as root with everything, nothing is hidden and nothing refused.
#[test]
fn who_sees_every_attribute_keeps_them() {
    let mut ends = Ends::new(VolumeMode::Filesystem);
    std::fs::create_dir_all(ends.source().join("work/work")).expect("folders");
    if !set(&ends.source().join("work"), "trusted.overlay.opaque", b"y") {
        return;
    }
    std::fs::set_permissions(ends.source().join("work/work"), std::os::unix::fs::PermissionsExt::from_mode(0o000)).expect("it is ours");
    ends.pass_as_is(true).expect("a pass");
    trees::assert_same(&ends.source(), &ends.target());
}
