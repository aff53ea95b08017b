//! The target end of one volume: what it is known to hold, and the proof of it after each pass.
//!
//! What is on the target is never taken from what was sent. It is looked over after a sync, what was written is read back
//! from the disk. The manifest made of that is the only thing a later pass may trust. If a pass breaks off, the next one
//! begins by looking the target over again. Only after a pass that wrote nothing, and is not the last, nothing is looked at.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::ends::Inventory;
use crate::contract::orders::{Phase, Reason, Volume, VolumeMode};
use crate::mover::disk::device;
use crate::mover::disk::set_back::{self, ClockWatch};
use crate::mover::disk::tree;
use crate::mover::disk::volume::{self, VolumeData};
use crate::mover::ground::digest::Digest;
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::number;
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::ground::work;
use crate::mover::manifest::known::Memory;
use crate::mover::manifest::reader::Manifest;
use crate::mover::manifest::writer::Writer;
use crate::mover::walk::device::DeviceScan;
use crate::mover::walk::look::{Scan, ScanEnd};
use crate::mover::walk::worker::Worker;
use crate::mover::write::apply::Apply;
use crate::mover::write::change::NoLane;
use crate::mover::write::early::EarlyReader;
use crate::mover::write::slate::Slate;

/// A volume at its target end.
#[derive(Debug)]
pub struct TargetVolume {
    name: String,
    slate: Arc<Slate>,
    folder: PathBuf,
    process: u64,
    is_proving: bool,
    /// What is read back while a first pass runs.
    early: Mutex<Option<Arc<EarlyReader>>>,
    manifest: Mutex<Option<Arc<Manifest>>>,
    /// The size of the source, for a device.
    size: AtomicU64,
}

const MANIFEST: &str = "manifest";

impl TargetVolume {
    /// Opens a volume beneath the folder where all are mounted.
    pub fn open(volume: &Volume, root: &Path, state: &Path) -> Result<TargetVolume> {
        Self::open_at(&volume::path_of(root, volume)?, volume.clone(), state)
    }

    /// Opens the volume that is at this very path.
    pub fn at(path: &Path, mode: VolumeMode, state: &Path) -> Result<TargetVolume> {
        let name = "local".to_owned();
        Self::open_at(path, Volume { name, mode }, state)
    }

    fn open_at(path: &Path, volume: Volume, state: &Path) -> Result<TargetVolume> {
        // Not the process's number: a volume that is opened anew has forgotten what was touched.
        let process = number::new_number()?;
        let data = VolumeData::open(path, volume.mode, true)?;
        let folder = state.join("target").join(&volume.name);
        let ours = data.origin(process);
        let manifest = Manifest::open(&folder, MANIFEST).filter(|manifest| {
            let origin = manifest.origin();
            // The stamps of a device say nothing, so that only the process that wrote it knows it.
            let is_known = matches!(data, VolumeData::Tree(_)) || origin.process == process;
            origin.is_comparable(&ours) && is_known
        });
        Ok(TargetVolume {
            name: volume.name,
            slate: Arc::new(Slate::new(data)),
            folder,
            process,
            is_proving: true,
            early: Mutex::default(),
            manifest: Mutex::new(manifest.map(Arc::new)),
            size: AtomicU64::new(0),
        })
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn data(&self) -> &VolumeData {
        self.slate.data()
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Option<Arc<Manifest>>> {
        self.manifest.lock().expect("no thread panics while it holds this lock")
    }

    /// Begins a pass: says what is here, compared with what the source believes, looking it over first if need be.
    pub fn begin(&self, believed: Option<Digest>, size: u64, progress: &Progress, cancel: &Cancel) -> Result<Inventory> {
        self.check_size(size)?;
        self.slate.times();
        let manifest = match self.manifest() {
            Some(manifest) => manifest,
            None if self.is_blank(size)? => return Ok(Inventory::Blank),
            None => {
                // What a pass that broke off wrote may be in memory only, and what is read there would never be read from the disk.
                self.data().sync().map_err(|errno| fail::at_target("syncing", b"", errno))?;
                self.look_over(progress, cancel)?
            }
        };
        if believed == Some(manifest.root()) {
            return Ok(Inventory::Trusted);
        }
        Ok(Inventory::Listing(manifest))
    }

    fn check_size(&self, source: u64) -> Result<()> {
        let VolumeData::Device(device) = self.data() else {
            return Ok(());
        };
        let target = device::size(device.as_fd())?;
        if target < source {
            let message = format!("the target device is too small: it has {target} bytes, the source {source}");
            return Err(Halt::new(Reason::BadOrder, message));
        }
        // A manifest of another size is of no use.
        if self.size.swap(source, Ordering::Relaxed) != source {
            *self.remembered() = None;
        }
        Ok(())
    }

    fn is_blank(&self, size: u64) -> Result<bool> {
        if self.remembered().is_some() {
            return Ok(false);
        }
        match self.data() {
            VolumeData::Device(device) => Ok(device::looks_blank(device.as_fd(), size)),
            VolumeData::Tree(tree) => {
                let names = tree.open_directory(b"").and_then(|root| tree::list_names(root.as_fd(), true));
                names.map(|names| names.is_empty()).map_err(|errno| fail::at_target("listing", b"", errno))
            }
        }
    }

    /// Returns a pass of changes.
    #[must_use]
    pub fn apply(&self, progress: &Arc<Progress>) -> Apply {
        let remembers = self.remembered().is_some();
        let reads_early = !remembers && self.is_proving && matches!(self.data(), VolumeData::Tree(_));
        // Where it cannot be had all is read in the end.
        let early = reads_early.then(|| EarlyReader::begin(&self.folder).ok().map(Arc::new)).flatten();
        self.early.lock().expect("no thread panics while it holds this lock").clone_from(&early);
        Apply::new(Arc::clone(&self.slate), remembers, early, Arc::clone(progress))
    }

    /// Ends what was read while the pass ran, and returns it.
    fn end_early(&self) -> Option<Arc<EarlyReader>> {
        let early = self.early.lock().expect("no thread panics while it holds this lock").take();
        early.inspect(|early| early.end())
    }

    /// Lets passes end without reading anything back. Nothing is proven then, and the next pass looks over everything: this is
    /// for measuring what the proof costs.
    #[must_use]
    pub fn unproven(mut self) -> TargetVolume {
        self.is_proving = false;
        self
    }

    /// Returns whether passes end with a proof.
    #[must_use]
    pub fn is_proving(&self) -> bool {
        self.is_proving
    }

    /// Ends a pass: syncs, reads back, and returns the manifest of what is on the disk.
    pub fn end(&self, is_last: bool, progress: &Progress, cancel: &Cancel) -> Result<Option<Arc<Manifest>>> {
        self.sync(progress)?;
        if !self.is_proving {
            return Ok(None);
        }
        self.prove(is_last, progress, cancel).map(Some)
    }

    /// Writes everything to the disk.
    pub fn sync(&self, progress: &Progress) -> Result<()> {
        progress.enter(Phase::Syncing);
        self.data().sync().map_err(|errno| fail::at_target("syncing", b"", errno))
    }

    /// Reads back what was written, and looks at everything else; to be done after a sync. Before the last pass, one that wrote nothing leaves
    /// what this process knows of the target as it is.
    pub fn prove(&self, is_last: bool, progress: &Progress, cancel: &Cancel) -> Result<Arc<Manifest>> {
        progress.enter(Phase::Proving);
        match self.manifest().filter(|_| !is_last) {
            Some(manifest) => Ok(manifest),
            None => self.look_over(progress, cancel),
        }
    }

    /// Returns the manifest of what is on the target, if it was looked over and nothing was written since.
    #[must_use]
    pub fn manifest(&self) -> Option<Arc<Manifest>> {
        self.remembered().clone().filter(|_| self.slate.is_clean())
    }

    fn look_over(&self, progress: &Progress, cancel: &Cancel) -> Result<Arc<Manifest>> {
        let (watch, clock) = (ClockWatch::begin(set_back::ahead), self.data().clock());
        let old = self.remembered().clone();
        let knows_all = old.as_ref().is_some_and(|old| old.origin().process == self.process);
        let writer = Writer::new(&self.folder, MANIFEST, old.clone())?;
        let memory = old.map_or(Memory::Blank, Memory::Own);
        let early = self.end_early();
        let side = ScanEnd::Target { touched: self.slate.touched(), knows_all, early: early.as_deref() };
        let mut workers: Vec<Worker<'_>> = (0..work::readers()).map(|_| Worker::new(Box::new(NoLane))).collect();
        // What is counted here is no part of the pass.
        let uncounted = Progress::default();
        match self.data() {
            VolumeData::Tree(tree) => Scan::new(tree, &memory, &writer, side, clock, &uncounted, cancel).run(&mut workers)?,
            VolumeData::Device(device) => DeviceScan {
                device: device.as_fd(),
                size: self.size.load(Ordering::Relaxed),
                memory: &memory,
                writer: &writer,
                side,
                progress: &uncounted,
                cancel,
            }
            .run(&mut workers)?,
        }
        let mut made = writer.finish(self.data().origin(self.process))?;
        if watch.was_set_back() {
            made.doubt();
        }
        let manifest = Arc::new(made.commit()?);
        progress.bytes_read.add(uncounted.bytes_read.get() + early.map_or(0, |early| early.bytes_read()));
        *self.remembered() = Some(Arc::clone(&manifest));
        self.slate.settle();
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};
    use std::os::unix::fs::FileExt;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::mover::disk::{direct, metadata, stat};
    use crate::mover::ground::digest::SEGMENT_BYTES;
    use crate::mover::pass::digest_tree;
    use crate::mover::write::apply::Desk;
    use crate::mover::write::change::{Item, Piece};

    const SIZE: u64 = 3 * SEGMENT_BYTES as u64;
    const DEADLINE: Duration = Duration::from_secs(60);

    /// A target to which a first pass wrote a large file, which was read back meanwhile.
    struct WrittenTarget {
        folder: tempfile::TempDir,
        volume: Arc<TargetVolume>,
    }

    impl WrittenTarget {
        fn new() -> WrittenTarget {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::create_dir(folder.path().join("target")).expect("a folder");
            let volume = TargetVolume::at(&folder.path().join("target"), VolumeMode::Filesystem, &folder.path().join("state"));
            let written = WrittenTarget { volume: Arc::new(volume.expect("a volume")), folder };
            written.write();
            written
        }

        fn write(&self) {
            let progress = Arc::new(Progress::default());
            let inventory = self.volume.begin(None, 0, &progress, &Cancel::default()).expect("begun");
            assert!(matches!(inventory, Inventory::Blank));
            let apply = self.volume.apply(&progress);
            let path = b"large".to_vec();
            for index in 0..3 {
                let bytes = vec![index as u8 + 1; SEGMENT_BYTES];
                let piece = Piece { offset: index * SEGMENT_BYTES as u64, length: SEGMENT_BYTES as u64, bytes: Some(&bytes) };
                let item = Item::Segment { file: 1, path: path.clone(), is_new: true, index };
                apply.apply(&item, &[piece], &mut Desk::default()).expect("written");
            }
            let like = tempfile::tempfile().expect("a file");
            let metadata = stat::see(like.as_fd()).and_then(|seen| metadata::read(like.as_fd(), &seen)).expect("its metadata");
            let item = Item::Finish { file: 1, path, is_new: true, metadata, size: SIZE, segments: 3 };
            apply.apply(&item, &[], &mut Desk::default()).expect("complete");
            let (early, began) = (apply.early().expect("a first pass reads back"), Instant::now());
            while early.bytes_read() < self.early_bytes() {
                assert!(began.elapsed() < DEADLINE, "the segments were not read");
                std::thread::sleep(Duration::from_millis(1));
            }
        }

        /// What is read back meanwhile, which is nothing where the folder is on a file system that cannot do it.
        fn early_bytes(&self) -> u64 {
            let file = File::open(self.folder.path().join("target/large")).expect("the file");
            if direct::is_direct(file.as_fd()) { SIZE } else { 0 }
        }

        /// Ends the pass; returns the root that it finds, and how much was read for it in all.
        fn end(&self) -> (Digest, u64) {
            self.end_as(false)
        }

        fn end_as(&self, is_last: bool) -> (Digest, u64) {
            let progress = Progress::default();
            let manifest = self.volume.end(is_last, &progress, &Cancel::default()).expect("ended").expect("a proof");
            (manifest.root(), progress.bytes_read.get())
        }

        /// Returns the root of what is there now.
        fn root(&self) -> Digest {
            let path = self.folder.path().join("target");
            digest_tree::digest(&path, VolumeMode::Filesystem, &self.folder.path().join("digest")).expect("a root")
        }
    }

    #[test]
    fn what_was_read_back_meanwhile_is_not_read_again() {
        let written = WrittenTarget::new();
        assert_eq!(written.end(), (written.root(), SIZE));
    }

    #[test]
    fn what_was_changed_after_it_was_read_back_is_found_out() {
        let written = WrittenTarget::new();
        let before = written.root();
        let file = File::options().write(true).open(written.folder.path().join("target/large")).expect("the file");
        let modified = file.metadata().and_then(|metadata| metadata.modified()).expect("a time");
        std::thread::sleep(Duration::from_millis(20));
        file.write_all_at(&[9], 4711).expect("written");
        file.set_times(FileTimes::new().set_modified(modified)).expect("its time");
        let (root, read) = written.end();
        assert_ne!(root, before);
        assert_eq!((root, read), (written.root(), SIZE + written.early_bytes()));
    }

    #[test]
    fn after_a_pass_that_broke_off_what_it_read_back_is_known_still() {
        let written = WrittenTarget::new();
        let progress = Progress::default();
        let inventory = written.volume.begin(None, 0, &progress, &Cancel::default()).expect("begun anew");
        assert!(matches!(inventory, Inventory::Listing(listing) if listing.root() == written.root()));
        assert_eq!(progress.bytes_read.get(), SIZE);
    }

    #[test]
    fn a_pass_that_wrote_nothing_leaves_what_is_known_unless_it_is_the_last() {
        let written = WrittenTarget::new();
        let (before, _) = written.end();
        std::fs::remove_file(written.folder.path().join("target/large")).expect("the file");
        let begin = || {
            let inventory = written.volume.begin(Some(before), 0, &Progress::default(), &Cancel::default()).expect("begun");
            assert!(matches!(inventory, Inventory::Trusted));
        };
        begin();
        assert_eq!(written.end_as(false), (before, 0));
        begin();
        assert_eq!(written.end_as(true).0, written.root());
        assert_ne!(written.root(), before);
    }

    #[test]
    fn a_pass_that_wrote_anything_is_looked_over() {
        let written = WrittenTarget::new();
        let (before, _) = written.end();
        let write = |folder: &str| {
            std::fs::create_dir(written.folder.path().join("target").join(folder)).expect("a folder");
            let item = Item::Delete { path: b"large".to_vec() };
            written.volume.apply(&Arc::default()).apply(&item, &[], &mut Desk::default()).expect("deleted");
        };
        write("another");
        assert_eq!(written.end_as(false).0, written.root());
        write("one more");
        let inventory = written.volume.begin(Some(before), 0, &Progress::default(), &Cancel::default()).expect("begun after it broke off");
        assert!(matches!(inventory, Inventory::Listing(listing) if listing.root() == written.root()));
    }
}
