//! What is refused rather than copied wrongly.

use std::sync::Arc;

use kubectl_stateful::contract::orders::VolumeMode;
use kubectl_stateful::mover::disk::metadata::Metadata;
use kubectl_stateful::mover::disk::stat::{EntryKind, Time};
use kubectl_stateful::mover::write::apply::Desk;
use kubectl_stateful::mover::write::change::{Item, Piece};

use crate::ends::{self, Ends};
use crate::trees;

#[test]
fn a_source_that_is_not_there_fails_by_name() {
    let mut ends = Ends::new(VolumeMode::Filesystem);
    std::fs::remove_dir(ends.source()).expect("it was empty");
    let failure = ends::failure(ends.pass(true));
    assert!(failure.message.contains("source"), "{failure:?}");
}

#[test]
fn a_target_that_is_a_file_is_refused() {
    let mut ends = Ends::new(VolumeMode::Filesystem);
    std::fs::remove_dir(ends.target()).expect("it was empty");
    std::fs::write(ends.target(), "a file").expect("a file");
    let failure = ends::failure(ends.pass(true));
    assert!(failure.message.contains("target"), "{failure:?}");
    assert_eq!(std::fs::read(ends.target()).expect("still there"), b"a file");
}

/// A target in which names lead out of it, and what they lead to.
fn with_ways_out() -> (Ends, tempfile::TempDir) {
    let (ends, outside) = (Ends::new(VolumeMode::Filesystem), tempfile::tempdir().expect("a folder"));
    std::fs::create_dir(outside.path().join("inner")).expect("a folder");
    std::fs::write(outside.path().join("file"), "not ours").expect("a file");
    let link = |to: &std::path::Path, name: &str| std::os::unix::fs::symlink(to, ends.target().join(name)).expect("a link");
    link(outside.path(), "folder");
    link(&outside.path().join("file"), "file");
    std::fs::create_dir(ends.target().join("deep")).expect("a folder");
    link(outside.path(), "deep/folder");
    (ends, outside)
}

#[test]
fn links_at_the_target_that_lead_out_are_replaced_and_not_followed() {
    for over_tls in [false, true] {
        let (mut ends, outside) = with_ways_out();
        let before = trees::looks(outside.path());
        for folder in ["folder", "folder/inner", "deep", "deep/folder"] {
            std::fs::create_dir(ends.source().join(folder)).expect("a folder");
            std::fs::write(ends.source().join(folder).join("file"), "ours").expect("a file");
        }
        std::fs::write(ends.source().join("file"), "ours").expect("a file");
        if over_tls { ends.pass_over_tls(true) } else { ends.pass(true) }.expect("a pass");
        trees::assert_same(&ends.source(), &ends.target());
        assert_eq!(trees::looks(outside.path()), before);
    }
}

/// A peer that is let in may say anything; what it says is carried out beneath the root or not at all.
#[test]
fn no_change_reaches_through_a_link_that_leads_out() {
    let metadata =
        |kind| Metadata { kind, mode: 0o777, uid: 7, gid: 7, mtime: Time::default(), device: (0, 0), link: Vec::new(), xattrs: Vec::new() };
    let regular = || metadata(EntryKind::Regular);
    for name in ["file", "folder", "folder/file", "folder/inner", "folder/none", "deep/folder/file", "deep/folder/inner/none"] {
        let path = || name.as_bytes().to_vec();
        let items = [
            Item::Create { path: path(), metadata: regular(), size: 4 },
            Item::Patch { path: path(), metadata: regular(), size: 4 },
            Item::Segment { file: 1, path: path(), is_new: false, index: 0 },
            Item::Segment { file: 2, path: path(), is_new: true, index: 0 },
            Item::Finish { file: 3, path: path(), is_new: false, metadata: regular(), size: 0, segments: 0 },
            Item::Dress { path: path(), metadata: regular() },
            Item::Special { path: path(), metadata: metadata(EntryKind::Fifo) },
            Item::Directory { path: path() },
            Item::DressDirectory { path: path(), metadata: metadata(EntryKind::Directory) },
            Item::Link { path: path(), to: b"deep/folder/file".to_vec() },
            Item::Link { path: b"new".to_vec(), to: path() },
            Item::Delete { path: path() },
        ];
        for item in items {
            let (mut ends, outside) = with_ways_out();
            let before = trees::looks(outside.path());
            let apply = ends.target_volume().expect("a target").apply(&Arc::default());
            let pieces = [Piece { offset: 0, length: 4, bytes: Some(b"ours") }];
            let has_content = matches!(item, Item::Create { .. } | Item::Patch { .. } | Item::Segment { .. });
            // Carried out or refused, as it can be.
            let _ = apply.apply(&item, if has_content { &pieces } else { &[] }, &mut Desk::default());
            assert_eq!(trees::looks(outside.path()), before, "{item:?}");
        }
    }
}
