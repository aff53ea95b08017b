//! A source and a target folder with both ends of a mover on them, in one process or over a loopback connection. Passes are made with the rights
//! of a mover's pod.

use std::fs::Permissions;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kubectl_stateful::contract::orders::{Failure, VolumeMode, VolumeReport};
use kubectl_stateful::mover::ground::fail::{Halt, Result};
use kubectl_stateful::mover::ground::number::new_number;
use kubectl_stateful::mover::ground::progress::{Cancel, Progress};
use kubectl_stateful::mover::net::remote::Remote;
use kubectl_stateful::mover::net::serve::{Peer, Server};
use kubectl_stateful::mover::net::session::ServedVolume;
use kubectl_stateful::mover::net::tls::Identity;
use kubectl_stateful::mover::pass::local::LocalTarget;
use kubectl_stateful::mover::pass::source::SourceVolume;
use kubectl_stateful::mover::pass::target::TargetVolume;

use crate::pod;

/// Both ends, which remember from pass to pass as in one run of a mover.
pub(crate) struct Ends {
    folder: tempfile::TempDir,
    source: PathBuf,
    target_at: PathBuf,
    mode: VolumeMode,
    target: Option<Arc<TargetVolume>>,
    /// Bytes that the last pass over TLS read at the target.
    pub(crate) read_back: u64,
}

impl Ends {
    pub(crate) fn new(mode: VolumeMode) -> Ends {
        Ends::within(tempfile::tempdir().expect("a folder"), mode)
    }

    pub(crate) fn within(folder: tempfile::TempDir, mode: VolumeMode) -> Ends {
        if mode == VolumeMode::Filesystem {
            std::fs::create_dir(folder.path().join("source")).expect("a folder");
            std::fs::create_dir(folder.path().join("target")).expect("a folder");
        }
        let [source, target] = ["source", "target"].map(|name| folder.path().join(name));
        Ends { folder, source, target_at: target, mode, target: None, read_back: 0 }
    }

    /// Ends that are these two folders.
    pub(crate) fn between(source: PathBuf, target: PathBuf) -> Ends {
        let folder = tempfile::tempdir().expect("a folder");
        Ends { folder, source, target_at: target, mode: VolumeMode::Filesystem, target: None, read_back: 0 }
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.source.clone()
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.target_at.clone()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Forgets what the target's process had in memory, as a restart does.
    pub(crate) fn restart_target(&mut self) {
        self.target = None;
    }

    pub(crate) fn target_volume(&mut self) -> Result<Arc<TargetVolume>> {
        if self.target.is_none() {
            self.target = Some(Arc::new(TargetVolume::at(&self.target(), self.mode, &self.state())?));
        }
        Ok(Arc::clone(self.target.as_ref().expect("just made")))
    }

    fn source_volume(&self) -> Result<SourceVolume> {
        SourceVolume::at(&self.source(), self.mode, &self.state(), 1)
    }

    /// Makes a pass within this process.
    pub(crate) fn pass(&mut self, is_last: bool) -> Result<VolumeReport> {
        pod::as_root(|| self.pass_as_is(is_last))
    }

    /// Makes a pass within this process, with the rights that the caller has.
    pub(crate) fn pass_as_is(&mut self, is_last: bool) -> Result<VolumeReport> {
        let progress = Arc::new(Progress::default());
        let mut here = LocalTarget::new(self.target_volume()?, None);
        self.source_volume()?.pass(&mut here, is_last, &progress, &Arc::new(Cancel::default()))?;
        Ok(progress.report("local"))
    }

    /// Makes a pass over TLS.
    pub(crate) fn pass_over_tls(&mut self, is_last: bool) -> Result<VolumeReport> {
        pod::as_root(|| self.pass_over_tls_as_is(is_last))
    }

    /// Makes a pass over TLS, with the rights that the caller has.
    pub(crate) fn pass_over_tls_as_is(&mut self, is_last: bool) -> Result<VolumeReport> {
        let (source, target) = (Identity::make()?, Identity::make()?);
        let server = Server::new(&target, 0)?;
        let at_target = Arc::new(Progress::default());
        let served = ServedVolume { volume: self.target_volume()?, progress: Arc::clone(&at_target) };
        server.serve(Arc::new(vec![served]), &Peer { fingerprint: source.fingerprint().clone(), address: None })?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
        let mut remote = Remote::connect(&source, address, target.fingerprint(), new_number()?, None)?;
        let progress = Arc::new(Progress::default());
        let passed = self.source_volume()?.pass(&mut remote, is_last, &progress, &Arc::new(Cancel::default()));
        let outcome = passed.map_err(|halt| remote.explain(halt)).and_then(|()| remote.finish(is_last));
        drop(remote);
        server.stop();
        self.read_back = at_target.bytes_read.get();
        outcome.map(|()| progress.report("local"))
    }
}

/// Folders that their owner may not write to can be removed by root alone: without this they would be left behind for anybody else.
impl Drop for Ends {
    fn drop(&mut self) {
        give_back(self.folder.path());
    }
}

/// Gives the owner all rights to a folder and those within. Whatever belongs to others stays as it is.
fn give_back(folder: &Path) {
    drop(std::fs::set_permissions(folder, Permissions::from_mode(0o700)));
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            give_back(&entry.path());
        }
    }
}

/// Returns the failure of a pass that must fail.
#[track_caller]
pub(crate) fn failure(outcome: Result<VolumeReport>) -> Failure {
    match outcome {
        Err(Halt::Failed(failure)) => failure,
        other => panic!("this should have failed: {other:?}"),
    }
}
