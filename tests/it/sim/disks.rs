//! The backends of simulated volumes: a folder or a file each, and what an app has written to them.
//!
//! An app numbers its lines and ends with a mark when it is stopped, so that a copy that was torn or is behind shows itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kubectl_stateful::contract::orders::VolumeMode;

/// What is on a volume, as the app would read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holds {
    /// The claim whose app wrote it; empty: nobody's.
    pub(crate) dataset: String,
    pub(crate) lines: u64,
    /// Whether the app was stopped cleanly after its last line.
    pub(crate) is_ended: bool,
}

#[derive(Clone, Debug)]
struct Disk {
    block: bool,
    holds: Option<Holds>,
}

/// All backends.
#[derive(Debug)]
pub(crate) struct Disks {
    folder: tempfile::TempDir,
    disks: BTreeMap<String, Disk>,
    changes: u64,
}

/// Copies what is beneath a path, which is made.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return std::fs::copy(from, to).map(drop);
    }
    std::fs::create_dir(to)?;
    std::fs::read_dir(from)?.try_for_each(|entry| entry.and_then(|entry| copy(&entry.path(), &to.join(entry.file_name()))))
}

impl Clone for Disks {
    fn clone(&self) -> Self {
        let copied = Self { disks: self.disks.clone(), changes: self.changes, ..Self::new() };
        for volume in self.disks.keys() {
            copy(&self.folder.path().join(volume), &copied.folder.path().join(volume)).expect("both folders are ours");
        }
        copied
    }
}

/// A block volume's size; small, because a raw device is read whole in each pass.
const BLOCK_BYTES: u64 = 128 << 10;

impl Disks {
    pub(crate) fn new() -> Self {
        // Shared memory where there is some: syncing a disk thousands of times says nothing about the product.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self { folder: folder.expect("a folder"), disks: BTreeMap::new(), changes: 0 }
    }

    /// Grows with every change of what is on them.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    pub(crate) fn make(&mut self, volume: &str, block: bool) {
        self.changes += 1;
        let path = self.path(volume);
        std::fs::create_dir(path.parent().expect("it is beneath our folder")).expect("the folder is ours");
        if block {
            std::fs::File::create(path).and_then(|file| file.set_len(BLOCK_BYTES)).expect("the folder is ours");
        } else {
            std::fs::create_dir(path).expect("the folder is ours");
        }
        self.disks.insert(volume.to_owned(), Disk { block, holds: Some(Holds::default()) });
    }

    /// Reclaims a volume: its data is gone.
    pub(crate) fn destroy(&mut self, volume: &str) {
        self.changes += 1;
        let path = self.path(volume);
        if let Some(disk) = self.disks.remove(volume) {
            let gone = if disk.block { std::fs::remove_file(path) } else { std::fs::remove_dir_all(path) };
            gone.and_then(|()| std::fs::remove_dir(self.folder.path().join(volume))).expect("the folder is ours");
        }
    }

    /// Each is in a folder of its own and called there as movers call the only volume of a pod, so that this folder can be their root.
    pub(crate) fn path(&self, volume: &str) -> PathBuf {
        self.folder.path().join(volume).join("c0")
    }

    pub(crate) fn state_of(&self, mover: &str) -> PathBuf {
        self.folder.path().join(format!("state-{mover}"))
    }

    pub(crate) fn mode(&self, volume: &str) -> VolumeMode {
        if self.disks.get(volume).is_some_and(|disk| disk.block) { VolumeMode::Block } else { VolumeMode::Filesystem }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.disks.keys().cloned().collect()
    }

    /// Somebody wrote to it otherwise than by [`Disks::write`].
    pub(crate) fn forget(&mut self, volume: &str) {
        self.changes += 1;
        if let Some(disk) = self.disks.get_mut(volume) {
            disk.holds = None;
        }
    }

    pub(crate) fn holds(&mut self, volume: &str) -> Holds {
        let path = self.path(volume);
        let Some(disk) = self.disks.get_mut(volume) else { return Holds::default() };
        if let Some(holds) = &disk.holds {
            return holds.clone();
        }
        let file = if disk.block { path } else { path.join("log") };
        let text = std::fs::read(file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned();
        let mut parts = text.split(' ');
        let holds = Holds {
            dataset: parts.next().unwrap_or_default().to_owned(),
            lines: parts.next().and_then(|lines| lines.parse().ok()).unwrap_or(0),
            is_ended: parts.next() == Some("end"),
        };
        disk.holds = Some(holds.clone());
        holds
    }

    /// The app writes: what it holds now, in one file, and a second one that grows.
    pub(crate) fn write(&mut self, volume: &str, holds: &Holds) {
        self.changes += 1;
        let path = self.path(volume);
        let Some(disk) = self.disks.get_mut(volume) else { return };
        let text = format!("{} {} {}", holds.dataset, holds.lines, if holds.is_ended { "end" } else { "open" });
        if disk.block {
            let mut device = std::fs::read(&path).expect("it is there");
            device[..128].fill(0);
            device[..text.len()].copy_from_slice(text.as_bytes());
            std::fs::write(path, device).expect("the folder is ours");
        } else {
            std::fs::write(path.join("log"), text).expect("the folder is ours");
            if holds.lines == 1 {
                std::fs::create_dir_all(path.join("more")).expect("the folder is ours");
                std::fs::write(path.join("more/first"), vec![7; 5000]).expect("the folder is ours");
            }
        }
        disk.holds = Some(holds.clone());
    }
}
