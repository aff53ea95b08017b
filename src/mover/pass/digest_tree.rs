//! Digests a folder or device as a copy would, without copying it.
//!
//! For who wants to compare two volumes or know one by its root; a pass does not use it.

use std::os::fd::AsFd;
use std::path::Path;

use crate::contract::orders::VolumeMode;
use crate::mover::disk::device;
use crate::mover::disk::origin::VolumeOrigin;
use crate::mover::disk::volume::VolumeData;
use crate::mover::ground::digest::Digest;
use crate::mover::ground::fail::Result;
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::ground::work;
use crate::mover::manifest::known::Memory;
use crate::mover::manifest::reader::Manifest;
use crate::mover::manifest::writer::Writer;
use crate::mover::walk::device::DeviceScan;
use crate::mover::walk::look::{Scan, ScanEnd};
use crate::mover::walk::worker::Worker;
use crate::mover::write::change::NoLane;

/// Returns the root digest of what is at this path; the state folder takes a manifest for the while.
pub fn digest(path: &Path, mode: VolumeMode, state: &Path) -> Result<Digest> {
    let folder = state.join("digest");
    let manifest = look_over(path, mode, &folder, &Progress::default(), &Cancel::default());
    // Only what this call made is in it.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(manifest?.root())
}

/// Makes a manifest of what is at this path, in this folder.
pub(super) fn look_over(path: &Path, mode: VolumeMode, folder: &Path, progress: &Progress, cancel: &Cancel) -> Result<Manifest> {
    let data = VolumeData::open(path, mode, false)?;
    let writer = Writer::new(folder, "digest", None)?;
    let mut workers: Vec<Worker<'_>> = (0..work::threads()).map(|_| Worker::new(Box::new(NoLane))).collect();
    let memory = Memory::Blank;
    let side = ScanEnd::Source { is_last: true, is_copied: false };
    match &data {
        VolumeData::Tree(tree) => Scan::new(tree, &memory, &writer, side, data.clock(), progress, cancel).run(&mut workers)?,
        VolumeData::Device(device) => DeviceScan {
            device: device.as_fd(),
            size: device::size(device.as_fd())?,
            memory: &memory,
            writer: &writer,
            side,
            progress,
            cancel,
        }
        .run(&mut workers)?,
    }
    writer.finish(VolumeOrigin::default())?.commit()
}
