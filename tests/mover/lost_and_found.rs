//! What a repair of a file system saved is data like any other; the folder for it is not, as long as nothing is in it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kubectl_stateful::contract::orders::VolumeMode;

use crate::ends::Ends;
use crate::loops::Mounted;
use crate::{pod, trees};

fn folder(root: &Path) -> PathBuf {
    root.join("lost+found")
}

/// Saves something there, with a folder of its own where the file system has none.
fn save(root: &Path) {
    let folder = folder(root);
    if !folder.exists() {
        std::fs::create_dir(&folder).expect("a folder");
    }
    std::fs::write(folder.join("#131074"), "a table that was saved").expect("a file");
    std::fs::create_dir(folder.join("#131080")).expect("a folder");
    std::fs::write(folder.join("#131080/deep"), trees::noise(1, 9 << 20)).expect("a file");
}

fn pass(ends: &mut Ends, is_last: bool, over_tls: bool) {
    let report = if over_tls { ends.pass_over_tls(is_last) } else { ends.pass(is_last) }.expect("a pass");
    assert_eq!((report.source_root.is_some(), &report.source_root), (is_last, &report.target_root));
    trees::assert_same(&ends.source(), &ends.target());
}

#[track_caller]
fn assert_saved(root: &Path, is_saved: bool) {
    assert_eq!(std::fs::read(folder(root).join("#131074")).is_ok_and(|text| text == b"a table that was saved"), is_saved);
}

#[test]
fn what_is_in_it_is_copied_from_any_file_system_to_any() {
    type Make = fn() -> Option<Mounted>;
    let (ext4, xfs): (Make, Make) = (|| Mounted::ext4(64, &[]), Mounted::xfs);
    for (over_tls, (source, target)) in [(false, (ext4, xfs)), (true, (xfs, ext4)), (false, (ext4, ext4)), (true, (xfs, xfs))] {
        let (Some(source), Some(target)) = (source(), target()) else { return };
        let mut ends = Ends::between(source.path(), target.path());
        std::fs::write(ends.source().join("a"), "a").expect("a file");
        pass(&mut ends, false, over_tls);
        save(&ends.source());
        pass(&mut ends, false, over_tls);
        assert_saved(&ends.target(), true);
        // Back, to a volume that has it already, and to one from which it was taken.
        let mut back = Ends::between(target.path(), source.path());
        pass(&mut back, false, over_tls);
        std::fs::remove_file(folder(&back.target()).join("#131074")).expect("it is there");
        pass(&mut Ends::between(target.path(), source.path()), true, over_tls);
        assert_saved(&source.path(), true);
    }
}

#[test]
fn once_nothing_is_in_it_any_more_it_is_emptied_and_stays() {
    let (Some(source), Some(target)) = (Mounted::xfs(), Mounted::ext4(64, &[])) else { return };
    let mut ends = Ends::between(source.path(), target.path());
    save(&ends.source());
    pass(&mut ends, false, false);
    std::fs::remove_dir_all(folder(&ends.source())).expect("it is there");
    pass(&mut ends, true, false);
    assert_eq!(std::fs::read_dir(folder(&ends.target())).expect("it stays").count(), 0);
}

#[test]
fn an_empty_one_is_no_part_of_a_copy() {
    for (at_source, at_target) in [(true, false), (false, true), (true, true)] {
        let mut ends = Ends::new(VolumeMode::Filesystem);
        for (root, has) in [(ends.source(), at_source), (ends.target(), at_target)] {
            if has {
                std::fs::create_dir(folder(&root)).expect("a folder");
            }
        }
        std::fs::create_dir_all(ends.source().join("deeper/lost+found")).expect("a folder");
        pass(&mut ends, true, false);
        assert_eq!(folder(&ends.target()).exists(), at_target);
        assert!(ends.target().join("deeper/lost+found").is_dir());
    }
}

#[test]
fn something_else_of_that_name_is_copied() {
    let mut ends = Ends::new(VolumeMode::Filesystem);
    std::fs::write(folder(&ends.source()), "a file").expect("a file");
    std::fs::create_dir(folder(&ends.target())).expect("a folder");
    pass(&mut ends, true, false);
}

/// Without privileges the file system's own cannot be looked into; any other that cannot is an error.
#[test]
fn one_that_cannot_be_looked_into_is_left_out_only_if_it_is_the_file_systems() {
    if !pod::may_act_as_root("a folder of another owner") {
        return;
    }
    let mut ends = Ends::new(VolumeMode::Filesystem);
    for path in [ends.source().parent().expect("a folder").to_owned(), ends.source(), ends.target()] {
        std::os::unix::fs::chown(path, Some(pod::APP), Some(pod::APP)).expect("root may");
    }
    save(&ends.source());
    std::fs::set_permissions(folder(&ends.source()), PermissionsExt::from_mode(0o700)).expect("it is ours");
    pod::as_app(|| ends.pass_as_is(true)).expect("a pass");
    assert!(!folder(&ends.target()).exists());
    std::os::unix::fs::chown(folder(&ends.source()), Some(7), Some(7)).expect("root may");
    let halt = pod::as_app(|| ends.pass_as_is(true)).expect_err("it is not the file system's");
    assert!(format!("{halt:?}").contains("lost+found"), "{halt:?}");
}
