//! The mover by hand: a pass between two paths, in one process or over the network, without orders and without Kubernetes.
//!
//! For tests, benchmarks, and a person with two volumes mounted. Here keys are files, since a person cannot pass fingerprints
//! between two starting programs; pods never use this. Nothing of the data path itself is here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::contract::orders::{Fingerprint, VolumeMode, VolumeReport};
use crate::mover::ground::fail::Result;
use crate::mover::ground::number::new_number;
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::manners::pace::Pace;
use crate::mover::net::link::Link;
use crate::mover::net::serve::{Peer, Server};
use crate::mover::net::session::ServedVolume;
use crate::mover::net::tls::Identity;
use crate::mover::pass::compare;
use crate::mover::pass::local::LocalTarget;
use crate::mover::pass::source::SourceVolume;
use crate::mover::pass::target::TargetVolume;

/// How a pass by hand is made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the paths are.
    pub mode: VolumeMode,
    /// Where manifests are kept.
    pub state: PathBuf,
    /// Whether nothing writes to the source.
    pub is_last: bool,
    /// Whether to leave the proof out.
    pub is_unproven: bool,
    /// At most this many bytes a second.
    pub bytes_per_second_max: Option<u64>,
    /// Whether to rest while the source's disk is slower than it is wont to be.
    pub is_throttled: bool,
}

/// What comparing two volumes came to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Whether they are the same in everything that is kept.
    pub is_same: bool,
    /// The root digest of one.
    pub one: String,
    /// The root digest of the other.
    pub other: String,
    /// The first paths at which they differ.
    pub differences: Vec<String>,
}

/// Copies one folder or device to another, as one pass in this process.
pub fn copy(source: &Path, target: &Path, settings: &Settings) -> Result<VolumeReport> {
    let source = open_source(source, settings)?;
    let mut here = LocalTarget::new(Arc::new(open_target(target, settings)?), pace(settings));
    let progress = Arc::new(Progress::default());
    source.pass(&mut here, settings.is_last, &progress, &Arc::default())?;
    Ok(progress.report("local"))
}

fn open_source(source: &Path, settings: &Settings) -> Result<SourceVolume> {
    let source = SourceVolume::at(source, settings.mode, &settings.state, new_number()?)?;
    Ok(source.throttled(settings.is_throttled.then(Arc::default)))
}

fn open_target(target: &Path, settings: &Settings) -> Result<TargetVolume> {
    let target = TargetVolume::at(target, settings.mode, &settings.state)?;
    Ok(if settings.is_unproven { target.unproven() } else { target })
}

fn pace(settings: &Settings) -> Option<Arc<Pace>> {
    settings.bytes_per_second_max.map(|bytes| Arc::new(Pace::new(bytes)))
}

/// Makes a key and a certificate for each of two ends, as files in this folder: `source.key` and `target.key`, which belong
/// to their ends alone, and `source.crt` and `target.crt`, which both need.
pub fn make_keys(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| crate::mover::ground::fail::system_io("making the folder for keys", &error))?;
    for end in ["source", "target"] {
        Identity::make()?.save(&folder.join(format!("{end}.key")), &folder.join(format!("{end}.crt")))?;
    }
    Ok(())
}

fn identities(folder: &Path, own: &str, peer: &str) -> Result<(Identity, Fingerprint)> {
    let identity = Identity::load(&folder.join(format!("{own}.key")), &folder.join(format!("{own}.crt")))?;
    Ok((identity, Identity::fingerprint_in(&folder.join(format!("{peer}.crt")))?))
}

/// Is the target end until a last pass is complete; says on which port it listens.
pub fn serve(
    target: &Path,
    keys: &Path,
    port: u16,
    settings: &Settings,
    listening: impl FnOnce(u16) -> Result<()>,
) -> Result<VolumeReport> {
    let (identity, peer) = identities(keys, "target", "source")?;
    let progress = Arc::new(Progress::default());
    let served = ServedVolume { volume: Arc::new(open_target(target, settings)?), progress: Arc::clone(&progress) };
    let server = Server::new(&identity, port)?;
    server.serve(Arc::new(vec![served]), &Peer { fingerprint: peer, address: None })?;
    listening(server.port())?;
    while !server.is_finished_within(Duration::from_secs(1)) {}
    Ok(progress.report("local"))
}

/// Is the source end of one pass; goes on by itself when the connection breaks.
pub fn send(source: &Path, address: SocketAddr, keys: &Path, settings: &Settings) -> Result<VolumeReport> {
    let (identity, peer) = identities(keys, "source", "target")?;
    let source = open_source(source, settings)?;
    let progress = Arc::new(Progress::default());
    let cancel = Arc::<Cancel>::default();
    let link = Link { identity: &identity, address, peer: &peer, pace: pace(settings), cancel: &cancel };
    link.work(|remote| {
        let passed = source.pass(remote, settings.is_last, &progress, &cancel);
        passed.map_err(|halt| remote.explain(halt)).and_then(|()| remote.finish(settings.is_last))
    })?;
    Ok(progress.report("local"))
}

/// Compares two folders or devices by their root digests. Nothing may write to them meanwhile.
pub fn verify(one: &Path, other: &Path, mode: VolumeMode, state: &Path) -> Result<Comparison> {
    let progress = [Progress::default(), Progress::default()];
    let is_same = compare::compare([one, other], mode, state, [&progress[0], &progress[1]], &Cancel::default())?;
    let [one, other] = progress.map(|progress| progress.report("local"));
    let root = |report: &VolumeReport| report.source_root.clone().expect("it was looked over");
    Ok(Comparison { is_same, one: root(&one), other: root(&other), differences: other.differences })
}
