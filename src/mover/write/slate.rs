//! A target volume as a pass writes on it: where it is, what was written since it was looked over, and what times it keeps.
//!
//! What is on the volume is not known here; that is the business of its manifest.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::touched::TouchedPaths;
use crate::mover::disk::times::Times;
use crate::mover::disk::volume::VolumeData;

/// A volume that is written.
#[derive(Debug)]
pub struct Slate {
    data: VolumeData,
    touched: TouchedPaths,
    /// Whether the manifest was made by this process, which wrote nothing since.
    is_clean: AtomicBool,
    /// What times it keeps, as soon as it was tried out.
    times: OnceLock<Times>,
}

impl Slate {
    /// Returns a volume of which nothing is known.
    #[must_use]
    pub(crate) fn new(data: VolumeData) -> Slate {
        Slate { data, touched: TouchedPaths::default(), is_clean: AtomicBool::new(false), times: OnceLock::new() }
    }

    /// Returns where it is.
    #[must_use]
    pub fn data(&self) -> &VolumeData {
        &self.data
    }

    /// Returns what was written since it was looked over.
    #[must_use]
    pub fn touched(&self) -> &TouchedPaths {
        &self.touched
    }

    /// Returns what times it keeps; none of a device.
    pub(crate) fn times(&self) -> Option<&Times> {
        match &self.data {
            // The first pass asks before it changes anything, so that the time of the root is put back before it is looked at.
            VolumeData::Tree(tree) => Some(self.times.get_or_init(|| Times::of(tree.root()))),
            VolumeData::Device(_) => None,
        }
    }

    /// Says that something is about to be written.
    pub fn change(&self) {
        self.is_clean.store(false, Ordering::Relaxed);
    }

    /// Says that all of it was looked over.
    pub(crate) fn settle(&self) {
        self.touched.clear();
        self.is_clean.store(true, Ordering::Relaxed);
    }

    /// Returns whether it was looked over, and nothing was written since.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.is_clean.load(Ordering::Relaxed)
    }
}
