//! What a mover is told and what it answers: the whole contract between the engine and the data path.
//!
//! Orders reach a mover as one JSON document in a file (a pod annotation, mounted by the downward API), which may be
//! replaced at any moment by one with a higher `sequence`. Answers leave it as JSON lines on standard output, each line a
//! complete [`Report`] of where the mover stands. So the last line alone is always enough. This file does no I/O and
//! copies nothing. It is a wire format: fields are added with `#[serde(default)]` and never renamed.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The version of this contract. A mover refuses orders of a newer one, and the engine a mover that reports another one, before anything is
/// copied or stopped. Fields that an older end may leave unread do not change it.
pub const VERSION: u32 = 1;

/// Where volumes of the source are mounted in a mover: a folder `NAME` (filesystem) or a device `NAME` (block) beneath it.
pub const SOURCE_ROOT: &str = "/volumes/source";

/// Where volumes of the target are mounted in a mover, as [`SOURCE_ROOT`].
pub const TARGET_ROOT: &str = "/volumes/target";

/// The file in which a mover finds its orders; it may not exist yet when the mover starts.
pub const ORDERS_FILE: &str = "/orders/orders";

/// How long an order may stay untaken before its pod is changed once more.
///
/// A kubelet can miss a change: one that comes while the change before it is written to the volume is taken for written (1.36:
/// `MarkRemountRequired` before, `AddPodToVolume` after). It looks again when the pod is changed again, or after 60 to 90 seconds. Otherwise
/// orders are there within half a second, or one and a half under load.
pub const REMIND_AFTER: Duration = Duration::from_secs(2);

/// A scratch folder of the mover's own, kept over a restart of its container (manifests live here).
pub const STATE_ROOT: &str = "/state";

/// The document a mover reads from [`ORDERS_FILE`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Orders {
    /// See [`VERSION`].
    pub version: u32,
    /// Grows by one with each new order; a mover carries out the highest it has seen, once, and again after a restart.
    pub sequence: u64,
    /// What to do now.
    pub order: Order,
    /// Any number other than before: the engine is still there and has nothing else to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<u64>,
    /// How long these orders may stay as they are, to the byte. After that the mover takes the engine for gone and ends, whatever it is doing:
    /// it reports [`Reason::EngineSilent`] and exits with code 0. None: for ever. A kubelet brings a change after 90 seconds at worst
    /// (see [`REMIND_AFTER`]), so that it should be several times that. Time in which the node slept counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_secs_max: Option<u64>,
}

impl Orders {
    /// Returns orders of this version from an engine that gives no sign of life besides.
    #[must_use]
    pub fn new(sequence: u64, order: Order) -> Orders {
        Orders { version: VERSION, sequence, order, heartbeat: None, silence_secs_max: None }
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub enum Order {
    /// Nothing: stay ready.
    Idle,
    /// Be the target end: let the one peer with this certificate write to these volumes, until told otherwise.
    #[serde(rename_all = "camelCase")]
    Serve {
        /// The volumes, beneath [`TARGET_ROOT`].
        volumes: Vec<Volume>,
        /// The only peer that is let in: the [`Report::fingerprint`] of the source end.
        peer: Fingerprint,
        /// The address the peer is expected from. No number of strangers keeps out who comes from there; where it is not known, or the peer comes
        /// from another one, it is let in like anybody who can show its certificate.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peer_address: Option<IpAddr>,
    },
    /// Copy what differs, once over all volumes, and prove it.
    #[serde(rename_all = "camelCase")]
    Pass {
        /// Volumes, beneath [`SOURCE_ROOT`] here and under the same names at the target.
        volumes: Vec<Volume>,
        /// Where the target is.
        to: PassTarget,
        /// Whether the application is stopped, so that this pass is the last and its digests are the proof. After it the
        /// mover reports [`MoverState::Done`] and exits with code 0.
        last: bool,
        /// At most this many bytes a second over all volumes; none: as fast as it goes.
        #[serde(default)]
        bytes_per_second_max: Option<u64>,
        /// Whether to rest while the disk of the source is slower than it is wont to be; never in a last pass.
        #[serde(default)]
        throttle: bool,
    },
    /// Compare two volumes in everything that a copy keeps. Both are only read, and nothing may write to them. After it the mover
    /// reports [`MoverState::Done`] with [`VolumeReport::source_root`] of each, and exits with code 0.
    #[serde(rename_all = "camelCase")]
    Compare {
        /// Two volumes of one mode, beneath [`SOURCE_ROOT`].
        volumes: Vec<Volume>,
    },
}

/// Where a pass copies to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "at")]
pub enum PassTarget {
    /// The same mover has the target volumes mounted beneath [`TARGET_ROOT`].
    Here,
    /// Another mover, which was given [`Order::Serve`].
    #[serde(rename_all = "camelCase")]
    Peer {
        /// `IP:PORT`, IPv6 in brackets.
        address: String,
        /// The certificate it must show.
        fingerprint: Fingerprint,
    },
}

/// One volume, known by the same name on both ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// A single path component of lower-case letters, digits and `-`.
    pub name: String,
    /// A folder or a raw device.
    pub mode: VolumeMode,
}

/// As in `spec.volumeMode` of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VolumeMode {
    /// A mounted file system.
    Filesystem,
    /// A raw block device.
    Block,
}

/// The SHA-256 of a mover's certificate (DER), as 64 lower-case hexadecimal digits. A mover makes its key and certificate when
/// it starts and never lets the key out of its memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

/// One line of a mover's answer: where it stands, complete in itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// See [`VERSION`].
    pub version: u32,
    /// The [`Orders::sequence`] this answers; 0 before any.
    pub sequence: u64,
    /// How far it is with that order.
    pub state: MoverState,
    /// This mover's own certificate.
    pub fingerprint: Fingerprint,
    /// The TCP port on which it listens while it serves (it binds all addresses, IPv4 and IPv6), or with [`MoverState::Done`] listened; 0 else.
    pub port: u16,
    /// One for each volume of the order, in its order. At the target end: what the last pass wrote and its own root digests.
    #[serde(default)]
    pub volumes: Vec<VolumeReport>,
    /// How many volumes are not in this report because a line holds no more, which are the last ones of the order.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub volumes_left_out: u64,
    /// Why, with [`MoverState::Failed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// A mover speaks another version of this contract than the command: neither can know what the other means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherVersion(pub u32);

impl std::fmt::Display for OtherVersion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "its image speaks version {} of the orders; this command speaks version {VERSION}", self.0)
    }
}

/// What every version of a [`Report`] has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReportHead {
    version: u32,
    #[serde(rename = "sequence")]
    _sequence: u64,
    #[serde(rename = "fingerprint")]
    _fingerprint: String,
}

/// Returns the last report in the tail of a mover's log. Before and after it there may be what is none: the end of a line of which the tail has no
/// more, or words about a mover that could not go on.
///
/// # Errors
///
/// When that report is of another version.
pub fn last_report(log: &str) -> Result<Option<Report>, OtherVersion> {
    for line in log.lines().rev() {
        if let Ok(head) = serde_json::from_str::<ReportHead>(line)
            && head.version != VERSION
        {
            return Err(OtherVersion(head.version));
        }
        if let Ok(report) = serde_json::from_str(line) {
            return Ok(Some(report));
        }
    }
    Ok(None)
}

/// How far a mover is with its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MoverState {
    /// No order, or [`Order::Idle`]: waiting for one.
    Ready,
    /// At it; for [`Order::Serve`]: listening, or receiving a pass. Printed at every change of phase and once a second.
    Running,
    /// The order is carried out: for [`Order::Pass`] all volumes are copied, synced, read back and compared. At the target
    /// end: the *last* pass is complete and its digests are made; it exits with code 0 after this line.
    Done,
    /// The order failed; the volumes of the source are as they were. The mover stays up and takes the next order, but after
    /// [`Reason::EngineSilent`].
    Failed,
}

/// Where one volume stands within a pass. All numbers begin anew with each pass.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeReport {
    /// [`Volume::name`].
    pub name: String,
    /// What is being done now.
    pub phase: Phase,
    /// Entries (files, folders, links …) at the source, as far as known; segments of a block device.
    pub entries: u64,
    /// Bytes in regular files at the source that are not holes, as far as known; for a device its size.
    pub bytes: u64,
    /// Bytes looked at so far (read, or known to be unchanged): `bytes_done / bytes` is the progress of the pass.
    pub bytes_done: u64,
    /// Entries created, changed or deleted at the target in this pass.
    pub entries_changed: u64,
    /// Bytes written to file data at the target in this pass.
    pub bytes_changed: u64,
    /// Bytes that went over the network for it (0 for a local copy).
    pub bytes_sent: u64,
    /// Milliseconds since this volume's pass began.
    pub elapsed_ms: u64,
    /// How many milliseconds a pass over this volume would take if the application stopped now; none while not known. It is
    /// estimated from the rates of this pass and from what changed while it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_last_pass_ms: Option<u64>,
    /// Whether something changed under a pass that is not the last (files vanished or grew while read); never so in the last.
    pub unsettled: bool,
    /// The root digest over the sorted manifest of the source (path, type, mode, owner, times, xattrs, links, size, content),
    /// 64 hexadecimal digits; only after a last pass or a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_root: Option<String>,
    /// The same over the target, made by the end that wrote it from what it wrote and read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_root: Option<String>,
    /// The first paths at which it is not like the volume it was compared with; only at the second of [`Order::Compare`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
    /// How many more were found that a line has no room for.
    #[serde(skip_serializing_if = "is_zero")]
    pub differences_left_out: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What a mover is doing with a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Not begun.
    #[default]
    Waiting,
    /// Walking, comparing, reading and writing.
    Copying,
    /// Flushing the target to its disk.
    Syncing,
    /// Reading back and digesting.
    Proving,
    /// Through.
    Through,
}

/// Why an order failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The sort of failure.
    pub reason: Reason,
    /// The volume it happened on, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// One sentence fragment for a person, lower case, with the path (lossily UTF-8) and the system's own message.
    pub message: String,
}

/// The sorts of failure that the engine answers differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// No space, no inodes or a quota at the target.
    TargetFull,
    /// Something at the source could not be read.
    SourceUnreadable,
    /// Something could not be set at the target as it is at the source (owner, mode, xattr, device node …).
    CannotKeep,
    /// The copy was made and is not the same.
    NotTheSame,
    /// The source changed during the last pass, so it was not stopped.
    NotStopped,
    /// The other end cannot be reached, or is not the one it should be.
    Peer,
    /// The order makes no sense to this mover (version, unknown volume, missing mount, device too small).
    BadOrder,
    /// Anything else of the operating system.
    System,
    /// The orders did not change for as long as they allow ([`Orders::silence_secs_max`]), or never came; the mover has ended.
    EngineSilent,
}
