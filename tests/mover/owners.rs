//! Files and folders that their own owner may not write, in a namespace that lets no root in: the mover runs as that owner.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kubectl_stateful::contract::orders::{VolumeMode, VolumeReport};

use crate::ends::Ends;
use crate::{pod, trees};

type Change = (&'static str, fn(&Path));

/// What becomes of a tree between two passes, as its owner.
const CHANGES: [Change; 11] = [
    ("nothing", |_| {}),
    ("a file is put in the place of another", |root| {
        write(&root.join("info/graph.lock"), "22", 0o444);
        std::fs::rename(root.join("info/graph.lock"), root.join("info/graph")).expect("renamed");
    }),
    ("a file is written in place", |root| {
        lent(&root.join("once"), || std::fs::write(root.join("once"), "333").expect("written"));
    }),
    ("a large file is written in place", |root| {
        lent(&root.join("large"), || std::fs::write(root.join("large"), trees::noise(7, 9 << 20)).expect("written"));
    }),
    ("a file gets another time", |root| {
        File::open(root.join("once"))
            .and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(7)))
            .expect("its time");
    }),
    ("a file gets an attribute", |root| {
        let set = || rustix::fs::setxattr(root.join("once"), "user.thing", b"1", rustix::fs::XattrFlags::empty()).expect("an attribute");
        lent(&root.join("once"), set);
    }),
    ("a folder gets an attribute", |root| {
        let set =
            || rustix::fs::setxattr(root.join("mod/a@v1"), "user.thing", b"1", rustix::fs::XattrFlags::empty()).expect("an attribute");
        lent(&root.join("mod/a@v1"), set);
    }),
    ("a folder gets a file, a folder and links", |root| {
        let folder = root.join("mod/a@v1");
        lent(&folder, || {
            write(&folder.join("z"), "1", 0o444);
            std::fs::create_dir(folder.join("deeper")).expect("a folder");
            write(&folder.join("deeper/z"), "1", 0o444);
            std::fs::set_permissions(folder.join("deeper"), Permissions::from_mode(0o555)).expect("it is ours");
            std::fs::hard_link(folder.join("x"), folder.join("same")).expect("a link");
            std::os::unix::fs::symlink("x", folder.join("link")).expect("a link");
        });
    }),
    ("a folder loses a file", |root| lent(&root.join("mod/a@v1"), || std::fs::remove_file(root.join("mod/a@v1/x")).expect("removed"))),
    ("a folder is removed with what is in it", |root| {
        lent(&root.join("mod/b@v1"), || std::fs::remove_file(root.join("mod/b@v1/y")).expect("removed"));
        lent(&root.join("mod/b@v1/deep"), || std::fs::remove_file(root.join("mod/b@v1/deep/y")).expect("removed"));
        std::fs::set_permissions(root.join("mod/b@v1"), Permissions::from_mode(0o755)).expect("it is ours");
        std::fs::remove_dir(root.join("mod/b@v1/deep")).expect("removed");
        std::fs::remove_dir(root.join("mod/b@v1")).expect("removed");
    }),
    ("a folder becomes a file", |root| {
        lent(&root.join("mod/a@v1"), || std::fs::remove_file(root.join("mod/a@v1/x")).expect("removed"));
        std::fs::remove_dir(root.join("mod/a@v1")).expect("removed");
        write(&root.join("mod/a@v1"), "a file now", 0o400);
    }),
];

fn write(path: &Path, content: &str, mode: u32) {
    std::fs::write(path, content).expect("a file");
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

/// Does this while the owner may write something, and takes the right away again.
fn lent(path: &Path, work: impl FnOnce()) {
    let before = std::fs::metadata(path).expect("it is there").permissions();
    std::fs::set_permissions(path, Permissions::from_mode(before.mode() | 0o200)).expect("it is ours");
    work();
    std::fs::set_permissions(path, before).expect("it is ours");
}

/// Ends whose folders are the app's.
fn ends() -> Ends {
    let ends = Ends::new(VolumeMode::Filesystem);
    let within = ends.source().parent().expect("a folder").to_owned();
    for path in [within, ends.source(), ends.target()] {
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(path, Some(pod::APP), Some(pod::APP)).expect("root may");
        }
    }
    pod::as_app(|| make(&ends.source()));
    ends
}

fn make(root: &Path) {
    for folder in ["info", "mod", "mod/a@v1", "mod/b@v1", "mod/b@v1/deep"] {
        std::fs::create_dir(root.join(folder)).expect("a folder");
    }
    for file in ["info/graph", "once", "mod/a@v1/x", "mod/b@v1/y", "mod/b@v1/deep/y"] {
        write(&root.join(file), "1", 0o444);
    }
    std::fs::write(root.join("large"), trees::noise(1, 9 << 20)).expect("a file");
    std::fs::set_permissions(root.join("large"), Permissions::from_mode(0o444)).expect("it is ours");
    for folder in ["mod/a@v1", "mod/b@v1", "mod/b@v1/deep"] {
        std::fs::set_permissions(root.join(folder), Permissions::from_mode(0o555)).expect("it is ours");
    }
}

#[track_caller]
fn pass(ends: &mut Ends, is_last: bool, over_tls: bool, what: &str) -> VolumeReport {
    let outcome = pod::as_app(|| if over_tls { ends.pass_over_tls_as_is(is_last) } else { ends.pass_as_is(is_last) });
    outcome.unwrap_or_else(|halt| panic!("{what}: {halt:?}"))
}

#[test]
fn what_its_owner_changes_all_the_same_is_changed_at_the_target() {
    for (what, change) in CHANGES {
        for over_tls in [false, true] {
            let mut ends = ends();
            pass(&mut ends, false, over_tls, what);
            pod::as_app(|| change(&ends.source()));
            let report = pass(&mut ends, true, over_tls, what);
            assert!(report.source_root.is_some() && report.source_root == report.target_root, "{what}");
            trees::assert_same(&ends.source(), &ends.target());
        }
    }
}

/// A mover that died in the middle of a change has left what it lent itself.
#[test]
fn what_was_lent_by_a_mover_that_died_is_taken_back() {
    let lent = ["once", "large", "mod/a@v1/x", "mod/a@v1", "mod/b@v1/deep"];
    let mut ends = ends();
    pass(&mut ends, false, false, "a first pass");
    pod::as_app(|| lent.iter().for_each(|path| give_right(&ends.target().join(path))));
    ends.restart_target();
    let report = pass(&mut ends, true, false, "a pass after a death");
    assert!(report.source_root.is_some());
    trees::assert_same(&ends.source(), &ends.target());
}

fn give_right(path: &PathBuf) {
    let mode = std::fs::metadata(path).expect("it is there").permissions().mode();
    std::fs::set_permissions(path, Permissions::from_mode(mode | 0o200)).expect("it is ours");
}
