//! What comes from outside is read without harm whatever it is: frames from the other mover, orders, manifests.
//!
//! Sound inputs are made worse in ways drawn from seeds. `tests/fuzz` looks for others as long as one likes.

use std::io::Write;
use std::net::IpAddr;

use kubectl_stateful::contract::orders::{
    self, Failure, Fingerprint, MoverState, Order, Orders, OtherVersion, PassTarget, Phase, Reason, Report, VERSION, Volume, VolumeMode,
    VolumeReport,
};
use kubectl_stateful::mover::disk::buffer::Buffer;
use kubectl_stateful::mover::disk::metadata::Metadata;
use kubectl_stateful::mover::disk::origin::VolumeOrigin;
use kubectl_stateful::mover::disk::stat::{EntryKind, Stamp, Time};
use kubectl_stateful::mover::ground::digest::Digest;
use kubectl_stateful::mover::manifest::entry::Entry;
use kubectl_stateful::mover::manifest::reader::Manifest;
use kubectl_stateful::mover::manifest::writer::Writer;
use kubectl_stateful::mover::net::wire::{self, Extent, Message, Role};
use kubectl_stateful::mover::write::change::Item;

use crate::dice::Dice;
use crate::taking::take;

const FRAMES: u64 = 200_000;
const ORDERS: u64 = 60_000;
const MANIFESTS: u64 = 2_000;

fn metadata(kind: EntryKind) -> Metadata {
    Metadata {
        kind,
        mode: 0o640,
        uid: 1000,
        gid: 70_000,
        mtime: Time { seconds: -5, nanos: 999_999_999 },
        device: (8, 1),
        link: if kind == EntryKind::Symlink { b"some/where".to_vec() } else { Vec::new() },
        xattrs: vec![(b"user.one".to_vec(), vec![1; 40]), (b"security.capability".to_vec(), vec![2; 20])],
    }
}

fn entry(name: &str, blocks: Option<u64>) -> Entry {
    let stamp = Stamp { inode: 12, size: 300_000, mtime: Time { seconds: 7, nanos: 8 }, ctime: Time { seconds: 9, nanos: 10 } };
    Entry { kind: EntryKind::Regular, stamp, blocks, lead: b"a/lead".to_vec(), content: Digest([9; 32]), ..Entry::marker(name.as_bytes()) }
}

/// Every kind of change, with its content.
fn changes() -> (Message, Vec<u8>) {
    let path = |name: &str| format!("folder/{name}").into_bytes();
    let regular = || metadata(EntryKind::Regular);
    let extent = |offset, length| Extent { offset, length, is_zero: false };
    let segment = 4 << 20;
    let items = vec![
        (Item::Directory { path: b"folder".to_vec() }, vec![]),
        (Item::Create { path: path("new"), metadata: regular(), size: 30 }, vec![extent(0, 10), extent(20, 10)]),
        (Item::Patch { path: path("old"), metadata: regular(), size: 5 }, vec![extent(0, 5)]),
        (
            Item::Segment { file: 1, path: path("large"), is_new: true, index: 1 },
            vec![extent(segment, 7), Extent { offset: segment + 7, length: 1000, is_zero: true }],
        ),
        (Item::Finish { file: 1, path: path("large"), is_new: true, metadata: regular(), size: 2 * segment, segments: 1 }, vec![]),
        (Item::Dress { path: path("dressed"), metadata: regular() }, vec![]),
        (Item::Special { path: path("special"), metadata: metadata(EntryKind::Symlink) }, vec![]),
        (Item::DressDirectory { path: Vec::new(), metadata: metadata(EntryKind::Directory) }, vec![]),
        (Item::Link { path: path("link"), to: path("new") }, vec![]),
        (Item::Delete { path: path("gone") }, vec![]),
    ];
    (Message::Changes(items), (0..32).collect())
}

fn frames() -> Vec<Vec<u8>> {
    let root = Digest([3; 32]);
    let begin = |mode, believed| Message::Begin { volume: "data".to_owned(), mode, believed, size: 1 << 40 };
    let messages = vec![
        (Message::Hello { version: wire::VERSION, session: u64::MAX, role: Role::Data, lanes: 16 }, vec![]),
        (Message::Welcome { version: wire::VERSION }, vec![]),
        (begin(VolumeMode::Filesystem, Some(root)), vec![]),
        (begin(VolumeMode::Block, None), vec![]),
        (Message::Trusted, vec![]),
        (Message::Page { directory: b"folder".to_vec(), entries: vec![entry("a", None), entry("b", Some(4096))] }, vec![]),
        (Message::Blocks { region: 4096, first: 3 }, vec![5; 96]),
        (Message::ListingEnd { root }, vec![]),
        changes(),
        (Message::EndStage, vec![]),
        (Message::Ended { root: Some(root) }, vec![]),
        (Message::Finish { is_last: true }, vec![]),
        (Message::Phase(Phase::Proving), vec![]),
        (Message::Starving { percent: 99 }, vec![]),
        (Message::Failed { reason: Reason::TargetFull, message: "no space".to_owned() }, vec![]),
    ];
    messages.iter().map(|(message, content)| encoded(message, content)).chain([compressed(0)]).collect()
}

/// A frame whose content is compressed, and said to be this much more than it is.
fn compressed(more: usize) -> Vec<u8> {
    let (message, _) = changes();
    let compressed = zstd::bulk::compress(&vec![7; LONG], 1).expect("memory takes all");
    let mut bytes = Vec::new();
    wire::write_compressed(&mut bytes, &message, LONG + more, &compressed).expect("memory takes all");
    let mut expanded = Buffer::default();
    let read = wire::read(&mut bytes.as_slice(), &mut expanded);
    assert_eq!(read.is_ok_and(|_| *expanded == vec![7; LONG]), more == 0);
    bytes
}

const LONG: usize = 100_000;

fn encoded(message: &Message, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::write(&mut bytes, message, &[content]).expect("memory takes all");
    bytes
}

const HEAD_BYTES: usize = 12;

/// Returns one of the lengths at the beginning of a frame.
fn length_in(frame: &[u8], index: usize) -> usize {
    u32::from_le_bytes(frame[4 * index..4 * index + 4].try_into().expect("4 bytes")) as usize
}

/// Makes the head of a frame agree with its length, so that what is worse is found behind it.
fn with_true_head(mut bytes: Vec<u8>, head: &[u8]) -> Vec<u8> {
    let content_bytes = length_in(head, 1);
    let sent_bytes = if length_in(head, 2) == 0 { content_bytes } else { length_in(head, 2) };
    if let Some(message_bytes) = bytes.len().checked_sub(HEAD_BYTES + sent_bytes) {
        bytes[..4].copy_from_slice(&(message_bytes as u32).to_le_bytes());
        bytes[4..HEAD_BYTES].copy_from_slice(&head[4..HEAD_BYTES]);
    }
    bytes
}

#[test]
fn frames_of_any_kind_are_read_without_harm() {
    let sound = frames();
    assert!(sound.iter().all(|frame| take(frame)), "sound frames are taken");
    let mut taken = 0_u64;
    for seed in 0..FRAMES {
        let mut dice = Dice::new(seed);
        let frame = &sound[dice.index(sound.len())];
        let bytes = match dice.below(4) {
            0 => dice.worsened(frame, &sound),
            1 => (0..dice.below(200)).map(|_| dice.next() as u8).collect(),
            _ => with_true_head(dice.worsened(frame, &sound), frame),
        };
        let outcome = std::panic::catch_unwind(|| take(&bytes));
        taken += u64::from(outcome.unwrap_or_else(|_| panic!("the frame of seed {seed} did harm: {bytes:?}")));
    }
    assert!(taken > FRAMES / 50, "too few of the inputs get past the first check to test the others: {taken}");
}

#[test]
fn lengths_that_are_too_long_are_refused_before_memory_is_set_aside() {
    let (message_max, content_max) = (wire::MESSAGE_BYTES_MAX as u32, wire::CONTENT_BYTES_MAX as u32);
    let too_long = [[u32::MAX, 0, 0], [0, u32::MAX, 0], [message_max + 1, 0, 0], [1, content_max + 1, 0], [1, 10, 11], [1, 0, u32::MAX]];
    for lengths in too_long {
        let head = lengths.map(u32::to_le_bytes).concat();
        let mut buffer = Buffer::default();
        let refused = wire::read(&mut head.as_slice(), &mut buffer).expect_err("too long");
        assert!(format!("{refused:?}").contains("too long"), "{refused:?}");
        assert_eq!(buffer.capacity(), 0);
    }
    let many = Message::Changes(vec![(Item::Delete { path: b"a".to_vec() }, vec![]); wire::CHANGES_MAX]);
    assert!(take(&encoded(&many, &[])), "as many as may be");
    let more = Message::Changes(vec![(Item::Delete { path: b"a".to_vec() }, vec![]); wire::CHANGES_MAX + 1]);
    assert!(!take(&encoded(&more, &[])));
}

/// A frame that expands to more than was set aside for it would be a way to fill memory, or to write what was never compared.
#[test]
fn compressed_content_that_is_not_as_long_as_it_says_is_refused() {
    compressed(0);
    compressed(1);
    let mut short = compressed(0);
    short[4..8].copy_from_slice(&(LONG as u32 - 1).to_le_bytes());
    assert!(!take(&short));
}

/// Content that is written beside the place that a change is about would not be read back.
#[test]
fn content_outside_of_its_change_is_refused() {
    let accept = |item: &Item, offset, length| {
        wire::accept(item, &[Extent { offset, length, is_zero: false }], &mut [0; 64].as_slice()).map(|pieces| pieces.len())
    };
    let segment = 4 << 20;
    let item = Item::Segment { file: 0, path: Vec::new(), is_new: false, index: 1 };
    assert!(accept(&item, segment, 64).is_ok() && accept(&item, 2 * segment - 64, 64).is_ok());
    for offset in [0, segment - 1, 2 * segment - 63, u64::MAX - 10] {
        assert!(accept(&item, offset, 64).is_err(), "at {offset}");
    }
    let far = Item::Segment { file: 0, path: Vec::new(), is_new: false, index: u64::MAX };
    assert!(accept(&far, 0, 1).is_err());
    let small = Item::Create { path: b"a".to_vec(), metadata: metadata(EntryKind::Regular), size: 10 };
    assert!(accept(&small, 0, 10).is_ok() && accept(&small, 1, 10).is_err());
    assert!(accept(&Item::Delete { path: b"a".to_vec() }, 0, 1).is_err());
}

#[test]
fn paths_that_lead_out_are_refused_in_every_place_a_frame_has_for_them() {
    let longest = [&b"n".repeat(255)[..], b"/"].concat().repeat(128);
    let bad: Vec<Vec<u8>> = [&b".."[..], b"../a", b"a/../../b", b"/", b"/etc/passwd", b"a//b", b"a/", b"./a", b"a\0b", b"a/.."]
        .iter()
        .map(|path| path.to_vec())
        .chain([b"n".repeat(256), [&longest[..], b"more"].concat()])
        .collect();
    let regular = || metadata(EntryKind::Regular);
    for path in bad {
        let p = || path.clone();
        let items = [
            Item::Create { path: p(), metadata: regular(), size: 0 },
            Item::Patch { path: p(), metadata: regular(), size: 0 },
            Item::Segment { file: 1, path: p(), is_new: true, index: 0 },
            Item::Finish { file: 1, path: p(), is_new: true, metadata: regular(), size: 0, segments: 0 },
            Item::Dress { path: p(), metadata: regular() },
            Item::Special { path: p(), metadata: metadata(EntryKind::Fifo) },
            Item::Directory { path: p() },
            Item::DressDirectory { path: p(), metadata: metadata(EntryKind::Directory) },
            Item::Link { path: p(), to: b"a".to_vec() },
            Item::Link { path: b"a".to_vec(), to: p() },
            Item::Delete { path: p() },
        ];
        for item in items {
            assert!(wire::accept(&item, &[], &mut [].as_slice()).is_err(), "{item:?}");
        }
        assert!(!wire::page_is_sound(&path, &[]));
        assert!(!wire::page_is_sound(b"", &[Entry { name: p(), ..entry("", None) }]));
        assert!(!wire::page_is_sound(b"", &[Entry { lead: p(), ..entry("a", None) }]));
    }
    for item in [Item::Delete { path: Vec::new() }, Item::Directory { path: Vec::new() }] {
        assert!(wire::accept(&item, &[], &mut [].as_slice()).is_err(), "the root itself: {item:?}");
    }
}

fn order_texts() -> Vec<Vec<u8>> {
    let volumes = || vec![Volume { name: "data".to_owned(), mode: VolumeMode::Filesystem }];
    let fingerprint = || Fingerprint("0f".repeat(32));
    let to = PassTarget::Peer { address: "[::1]:4000".to_owned(), fingerprint: fingerprint() };
    let orders = [
        Order::Idle,
        Order::Serve { volumes: volumes(), peer: fingerprint(), peer_address: None },
        Order::Serve { volumes: volumes(), peer: fingerprint(), peer_address: Some(IpAddr::from([10, 0, 0, 7])) },
        Order::Pass { volumes: volumes(), to, last: true, bytes_per_second_max: Some(1 << 30), throttle: false },
        Order::Pass { volumes: volumes(), to: PassTarget::Here, last: false, bytes_per_second_max: None, throttle: false },
    ];
    let report = Report {
        version: VERSION,
        sequence: 3,
        state: MoverState::Failed,
        fingerprint: fingerprint(),
        port: 4000,
        volumes: vec![VolumeReport { name: "data".to_owned(), source_root: Some("ab".repeat(32)), ..VolumeReport::default() }],
        volumes_left_out: 7,
        failure: Some(Failure { reason: Reason::NotTheSame, volume: None, message: "`a` is not the same".to_owned() }),
    };
    let orders = orders.into_iter().zip(1..).map(|(order, sequence)| Orders {
        heartbeat: Some(sequence),
        silence_secs_max: Some(900),
        ..Orders::new(sequence, order)
    });
    let texts = orders.map(|orders| serde_json::to_vec(&orders).expect("JSON"));
    texts.chain([serde_json::to_vec(&report).expect("JSON")]).collect()
}

#[test]
fn orders_and_reports_of_any_kind_are_read_without_harm() {
    let sound = order_texts();
    for seed in 0..ORDERS {
        let mut dice = Dice::new(seed);
        let text = &sound[dice.index(sound.len())];
        let text = dice.worsened(text, &sound);
        if let Ok(orders) = serde_json::from_slice::<Orders>(&text) {
            let again = serde_json::to_vec(&orders).expect("JSON");
            assert_eq!(serde_json::from_slice::<Orders>(&again).expect("its own words"), orders, "seed {seed}");
        }
        if let Ok(report) = serde_json::from_slice::<Report>(&text) {
            let again = serde_json::to_vec(&report).expect("JSON");
            assert_eq!(serde_json::from_slice::<Report>(&again).expect("its own words"), report, "seed {seed}");
        }
    }
}

/// The end of a line of which the tail of a log has no more, or a line that is not through.
#[test]
fn of_a_log_the_last_whole_report_counts() {
    let texts = order_texts();
    let last = String::from_utf8_lossy(texts.last().expect("a report"));
    let earlier = last.replace("\"sequence\":3", "\"sequence\":2");
    let sequence = |log: &str| orders::last_report(log).expect("all are of this version").map(|report| report.sequence);
    let cut = &last[..last.len() / 2];
    assert_eq!(sequence(&format!("{earlier}\n{last}\n")), Some(3));
    assert_eq!(sequence(&format!("{earlier}\n{last}\n{cut}")), Some(3), "the beginning of a line");
    assert_eq!(sequence(&format!("{earlier}\n{last}\n{}\n", &last[last.len() / 2..])), Some(3), "the end of a line");
    assert_eq!(sequence(&format!("{earlier}\n{cut}\nerror: System: out of memory\n")), Some(2), "other words");
    assert_eq!(sequence(&format!("{cut}\n\n")), None);
    assert_eq!(sequence(""), None);
}

/// The report of a mover of another version is known for one, whatever else is in it, and nothing before it counts any more.
#[test]
fn a_report_of_another_version_is_said_to_be_one() {
    let texts = order_texts();
    let last = String::from_utf8_lossy(texts.last().expect("a report"));
    for version in [0, VERSION + 1, 99] {
        let newer = last.replace(&format!("\"version\":{VERSION}"), &format!("\"version\":{version}")).replace("\"state\":", "\"stance\":");
        assert_eq!(orders::last_report(&format!("{last}\n{newer}\n")), Err(OtherVersion(version)));
    }
}

/// Orders and reports as the first version wrote them, which every later one of the same version reads; never changed.
#[test]
fn what_earlier_ends_wrote_is_read() {
    let serve = r#"{"version":1,"sequence":3,"order":{"do":"serve","volumes":[{"name":"c0","mode":"Filesystem"}],"peer":"00ff"}}"#;
    let pass = r#"{"version":1,"sequence":4,"order":{"do":"pass","volumes":[{"name":"c0","mode":"Block"}],"to":{"at":"peer","address":"10.0.0.1:7","fingerprint":"00ff"},"last":true,"bytesPerSecondMax":null}}"#;
    let here = r#"{"version":1,"sequence":5,"order":{"do":"pass","volumes":[],"to":{"at":"here"},"last":false}}"#;
    for text in [serve, pass, here] {
        let orders: Orders = serde_json::from_str(text).expect("orders of version 1");
        assert!(orders.version == 1 && orders.heartbeat.is_none() && orders.silence_secs_max.is_none(), "{text}");
    }
    let report = r#"{"version":1,"sequence":4,"state":"failed","fingerprint":"00ff","port":0,"volumes":[{"name":"c0","phase":"copying","entries":3}],"failure":{"reason":"targetFull","message":"no room"}}"#;
    let report = orders::last_report(report).expect("of this version").expect("a report");
    assert_eq!((report.sequence, report.state, report.volumes[0].entries), (4, MoverState::Failed, 3));
    assert_eq!(report.failure.map(|failure| failure.reason), Some(Reason::TargetFull));
    let more = r#"{"version":1,"sequence":6,"state":"ready","fingerprint":"00ff","port":0,"addedLater":true}"#;
    assert!(orders::last_report(more).is_ok_and(|report| report.is_some()), "what is added later is left unread");
}

/// A manifest is the mover's own, but the disk it is on may fail.
#[test]
fn a_damaged_manifest_is_absent_or_read_without_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let writer = Writer::new(folder.path(), "manifest", None).expect("a manifest");
    for directory in ["", "folder", "folder/more"] {
        writer.put(directory.as_bytes(), &[entry("", None), entry("a", Some(0)), entry("b", Some(160))]).expect("a page");
    }
    writer.finish(VolumeOrigin::default()).and_then(|finished| finished.commit()).expect("a manifest");
    let path = folder.path().join("manifest");
    let sound = std::fs::read(&path).expect("a manifest");
    for seed in 0..MANIFESTS {
        let mut dice = Dice::new(seed);
        let bytes = dice.worsened(&sound, std::slice::from_ref(&sound));
        std::fs::File::create(&path).and_then(|mut file| file.write_all(&bytes)).expect("written");
        if let Some(manifest) = Manifest::open(folder.path(), "manifest") {
            for directory in manifest.directories() {
                // A page that makes no sense is an error, which is fine.
                let _ = manifest.entries_of(directory);
            }
        }
    }
}
