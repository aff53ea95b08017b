//! The source end of one volume: one pass over it, to a target that may be in the same process or behind a network.
//!
//! The source is only ever read. The order within a pass matters and is told where it is written down.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::Instant;

use super::compare;
use super::ends::{Inventory, PassRequest, TargetEnd};
use super::predict;
use crate::contract::orders::{Phase, Reason, Volume, VolumeMode};
use crate::mover::disk::device;
use crate::mover::disk::set_back::{self, ClockLead, ClockWatch};
use crate::mover::disk::volume::{self, VolumeData};
use crate::mover::ground::digest::Digest;
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::path;
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::ground::work;
use crate::mover::manifest::known::Memory;
use crate::mover::manifest::reader::Manifest;
use crate::mover::manifest::writer::Writer;
use crate::mover::manners::priority;
use crate::mover::manners::share::{self, Crowd};
use crate::mover::manners::throttle::Throttle;
use crate::mover::walk::device::DeviceScan;
use crate::mover::walk::look::{Scan, ScanEnd};
use crate::mover::walk::worker::Worker;

/// A volume at its source end.
#[derive(Debug)]
pub struct SourceVolume {
    volume: Volume,
    data: VolumeData,
    folder: PathBuf,
    process: u64,
    throttle: Option<Arc<Throttle>>,
    crowd: Option<Arc<Crowd>>,
    clocks: fn() -> ClockLead,
}

const MANIFEST: &str = "manifest";

impl SourceVolume {
    /// Opens a volume beneath the folder where all are mounted.
    pub fn open(volume: &Volume, root: &Path, state: &Path, process: u64) -> Result<SourceVolume> {
        Self::open_at(&volume::path_of(root, volume)?, volume.clone(), state, process)
    }

    /// Opens the volume that is at this very path.
    pub fn at(path: &Path, mode: VolumeMode, state: &Path, process: u64) -> Result<SourceVolume> {
        let name = "local".to_owned();
        Self::open_at(path, Volume { name, mode }, state, process)
    }

    fn open_at(path: &Path, volume: Volume, state: &Path, process: u64) -> Result<SourceVolume> {
        let data = VolumeData::open(path, volume.mode, false)?;
        let folder = state.join("source").join(&volume.name);
        Ok(SourceVolume { data, folder, volume, process, throttle: None, crowd: None, clocks: set_back::ahead })
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.volume.name
    }

    /// Lets warm passes rest when this says so.
    #[must_use]
    pub fn throttled(self, throttle: Option<Arc<Throttle>>) -> SourceVolume {
        SourceVolume { throttle, ..self }
    }

    /// Has warm passes take a small share of the cores only while there is a crowd.
    #[must_use]
    pub fn beside(self, crowd: &Arc<Crowd>) -> SourceVolume {
        SourceVolume { crowd: Some(Arc::clone(crowd)), ..self }
    }

    /// Has passes look at these clocks.
    #[cfg(test)]
    pub(crate) fn watched_by(self, clocks: fn() -> ClockLead) -> SourceVolume {
        SourceVolume { clocks, ..self }
    }

    /// Makes one pass. While the app runs it stands behind the app; the last pass, for which the app waits, does not.
    pub fn pass(&self, target: &mut dyn TargetEnd, is_last: bool, progress: &Arc<Progress>, cancel: &Arc<Cancel>) -> Result<()> {
        if is_last {
            return self.full_pass(target, is_last, progress, cancel);
        }
        // A thread cannot take back that it stepped back: this one ends with the pass, and all that work on the pass are its own.
        std::thread::scope(|scope| {
            let (end, over) = channel();
            let behind = scope.spawn(move || {
                priority::step_back();
                let passed = self.full_pass(target, is_last, progress, cancel);
                drop(end);
                passed
            });
            if let Some(crowd) = &self.crowd {
                share::keep(&cancel.gate, &over, crowd);
            }
            work::join(behind)
        })
    }

    fn full_pass(&self, target: &mut dyn TargetEnd, is_last: bool, progress: &Arc<Progress>, cancel: &Arc<Cancel>) -> Result<()> {
        progress.restart();
        let own = self.own_manifest();
        let size = match &self.data {
            VolumeData::Device(device) => device::size(device.as_fd())?,
            VolumeData::Tree(_) => 0,
        };
        let request = PassRequest {
            volume: &self.volume,
            believed: own.as_ref().map(|own| own.root()),
            size,
            folder: &self.folder,
            progress,
            cancel,
        };
        let memory = match (target.begin(&request)?, own) {
            (Inventory::Trusted, Some(own)) => Memory::Own(own),
            (Inventory::Trusted, None) => {
                return Err(fail::peer("the target trusts what nobody claimed"));
            }
            (Inventory::Listing(listing), own) => Memory::Listed { listing, own },
            (Inventory::Blank, _) => Memory::Blank,
        };
        let (copied, held) = (Instant::now(), cancel.gate.held());
        let watch = ClockWatch::begin(self.clocks);
        let writer = Writer::new(&self.folder, MANIFEST, memory.own().cloned())?;
        self.copy(target, &memory, &writer, size, is_last, progress, cancel)?;
        let (ended, held_later) = (Instant::now(), cancel.gate.held());
        let copying = (ended - copied).saturating_sub(predict::rested(progress) + (held_later - held));
        progress.enter(Phase::Syncing);
        // Both ends make their root at the same time.
        let (source_root, target_root) = std::thread::scope(|scope| {
            let finishing = scope.spawn(|| writer.finish(self.data.origin(self.process)));
            let target_root = target.end(is_last);
            (work::join(finishing), target_root)
        });
        let mut made = source_root?;
        if watch.was_set_back() {
            made.doubt();
            progress.all_is_hot();
        }
        let manifest = Arc::new(made.commit()?);
        let target_root = target_root?;
        if let Some(target_root) = target_root {
            self.compare(target, &manifest, target_root, is_last, progress)?;
        }
        if is_last {
            progress.prove(Some(manifest.root()), target_root);
        }
        let ending = ended.elapsed().saturating_sub(cancel.gate.held() - held_later);
        let is_first = matches!(memory, Memory::Blank);
        progress.predict(predict::last_pass_ms(&self.data, is_first, progress, copying, ending));
        progress.enter(Phase::Through);
        Ok(())
    }

    /// Returns the manifest of an earlier pass, if it was made of this volume since it was mounted.
    fn own_manifest(&self) -> Option<Arc<Manifest>> {
        let ours = self.data.origin(self.process);
        let manifest = Manifest::open(&self.folder, MANIFEST)?;
        manifest.origin().is_comparable(&ours).then(|| Arc::new(manifest))
    }

    #[expect(clippy::too_many_arguments, reason = "they are the pass")]
    fn copy(
        &self,
        target: &mut dyn TargetEnd,
        memory: &Memory,
        writer: &Writer,
        size: u64,
        is_last: bool,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<()> {
        let mut workers: Vec<Worker<'_>> = target.lanes()?.into_iter().map(Worker::new).collect();
        if !is_last {
            workers.iter_mut().for_each(|worker| worker.throttle.clone_from(&self.throttle));
        }
        let side = ScanEnd::Source { is_last, is_copied: true };
        // The time is taken first: whatever changes after the sync then has a stamp that is not older than it.
        let clock = self.data.clock();
        match &self.data {
            VolumeData::Tree(tree) => {
                self.data.sync().map_err(|errno| fail::at_source("syncing", b"", errno))?;
                Scan::new(tree, memory, writer, side, clock, progress, cancel).run(&mut workers)
            }
            VolumeData::Device(device) => {
                DeviceScan { device: device.as_fd(), size, memory, writer, side, progress, cancel }.run(&mut workers)
            }
        }
    }

    /// What was sent and what was read back must be the same, in a warm pass too, unless files came and went under it.
    fn compare(&self, target: &mut dyn TargetEnd, own: &Manifest, root: Digest, is_last: bool, progress: &Progress) -> Result<()> {
        let may_differ = !is_last && progress.unsettled.load(Ordering::Relaxed);
        if own.root() == root || may_differ {
            return Ok(());
        }
        let listing = target.listing(&self.folder)?;
        let message = match compare::differences(own, &listing, 1)?.pop() {
            Some(path) if self.volume.mode == VolumeMode::Filesystem => {
                format!("`{}` is not the same at the target{}", path::shown(&path), compare::times_text(own, &listing, &path)?)
            }
            _ => "the target is not the same".to_owned(),
        };
        Err(Halt::new(Reason::NotTheSame, message))
    }
}
