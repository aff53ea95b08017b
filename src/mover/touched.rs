//! What this process wrote at the target since the target's manifest was made, so that it is read back from the disk.
//!
//! Kept in memory only: after a restart stamps decide, and where they do not, content.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

/// What was written of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// It may differ anywhere.
    All,
    /// Only these segments, and the metadata.
    Segments(BTreeSet<u64>),
}

/// The paths that were written.
#[derive(Debug, Default)]
pub struct Touched(Mutex<HashMap<Vec<u8>, Part>>);

impl Touched {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<u8>, Part>> {
        self.0.lock().expect("no thread panics while it holds this lock")
    }

    /// Notes that a path was made or changed anywhere.
    pub fn add(&self, path: &[u8]) {
        self.lock().insert(path.to_vec(), Part::All);
    }

    /// Notes that a segment of a path was written.
    pub fn add_segment(&self, path: &[u8], index: u64) {
        let mut touched = self.lock();
        match touched.get_mut(path) {
            Some(Part::All) => {}
            Some(Part::Segments(segments)) => {
                segments.insert(index);
            }
            None => {
                touched.insert(path.to_vec(), Part::Segments(BTreeSet::from([index])));
            }
        }
    }

    /// Notes that the metadata or size of a path was set, without forgetting which segments were written.
    pub fn add_metadata(&self, path: &[u8]) {
        self.lock().entry(path.to_vec()).or_insert_with(|| Part::Segments(BTreeSet::new()));
    }

    /// Returns whether a path was touched.
    #[must_use]
    pub fn contains(&self, path: &[u8]) -> bool {
        self.lock().contains_key(path)
    }

    /// Returns what of a path was touched.
    #[must_use]
    pub fn part(&self, path: &[u8]) -> Option<Part> {
        self.lock().get(path).cloned()
    }

    /// Forgets all, once a manifest of it is made.
    pub fn clear(&self) {
        self.lock().clear();
    }
}
