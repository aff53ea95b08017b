//! A file beside a manifest that only grows: what the manifest points into, and the next one too, of which most is as it was.
//!
//! What a committed manifest points to is never written again, so that it stays whole while the next one is made. What is in it, and who
//! points to what, is the manifest's business; so is when to begin a new one.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mover::disk::holes;

/// The file of one kind of content.
#[derive(Debug)]
pub(super) struct Store {
    file: File,
    name: String,
    end: AtomicU64,
}

impl Store {
    /// Opens the one of this name.
    pub(super) fn open(folder: &Path, name: &str) -> std::io::Result<Store> {
        let file = File::options().read(true).write(true).open(folder.join(name))?;
        let end = AtomicU64::new(file.metadata()?.len());
        Ok(Store { file, name: name.to_owned(), end })
    }

    /// Makes a new one beside those that the committed manifest may still need.
    pub(super) fn create(folder: &Path, manifest: &str, kind: &str) -> std::io::Result<Store> {
        for number in 0_u64.. {
            let name = format!("{manifest}.{number}.{kind}");
            match File::options().read(true).write(true).create_new(true).open(folder.join(&name)) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(file) => return Ok(Store { file, name, end: AtomicU64::new(0) }),
            }
        }
        Err(std::io::ErrorKind::AlreadyExists.into())
    }

    /// Makes one that is gone when it is closed. Its name is always the same, so that what a process left that was killed here goes with it.
    pub(super) fn scratch(folder: &Path, kind: &str) -> std::io::Result<Store> {
        std::fs::create_dir_all(folder)?;
        let name = format!("scratch.{kind}");
        let path = folder.join(&name);
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        std::fs::remove_file(path)?;
        Ok(Store { file, name, end: AtomicU64::new(0) })
    }

    /// Returns its name in the folder.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns how many bytes were set aside.
    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }

    /// Returns how many bytes it takes on the disk, without its holes.
    pub(super) fn allocated(&self) -> u64 {
        // Where it cannot be told, it is taken for as long as it may be.
        self.file.metadata().map_or(u64::MAX, |metadata| metadata.blocks() * 512)
    }

    /// Sets aside so many bytes; returns where.
    pub(super) fn reserve(&self, bytes: u64) -> u64 {
        self.end.fetch_add(bytes, Ordering::Relaxed)
    }

    /// Sets aside so many bytes if they end before this; returns where.
    pub(super) fn reserve_before(&self, bytes: u64, end_max: u64) -> Option<u64> {
        let take = |end: u64| end.checked_add(bytes).filter(|end| *end <= end_max);
        self.end.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()
    }

    /// Returns where something was written next, from a place on; what lies between reads as zeros.
    pub(super) fn next_written(&self, offset: u64) -> Option<u64> {
        holes::next_data(self.file.as_fd(), offset)
    }

    /// Writes to what was set aside, here or by whoever made what is copied.
    pub(super) fn write(&self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        self.end.fetch_max(offset + bytes.len() as u64, Ordering::Relaxed);
        self.file.write_all_at(bytes, offset)
    }

    /// Reads so many bytes; fewer where the file ends.
    pub(super) fn read(&self, offset: u64, length: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.file.read_at(&mut bytes[filled..], offset + filled as u64)? {
                0 => break,
                count => filled += count,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Makes the file as long as all that was set aside, so that nothing is given out twice after a restart.
    pub(super) fn settle(&self) -> std::io::Result<()> {
        self.file.set_len(self.end())
    }
}

/// Removes the files of one kind beside a manifest of this name, but for one of them.
pub(super) fn remove_all_but(folder: &Path, manifest: &str, kind: &str, kept: Option<&str>) -> std::io::Result<()> {
    let [prefix, suffix] = [format!("{manifest}."), format!(".{kind}")];
    for found in std::fs::read_dir(folder)? {
        let name = found?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&prefix) && name.ends_with(&suffix) && Some(&*name) != kept {
            std::fs::remove_file(folder.join(name.as_ref()))?;
        }
    }
    Ok(())
}
