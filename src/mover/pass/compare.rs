//! Compares two volumes that one mover has mounted: their roots, and the first paths that are not alike.
//!
//! Nothing is copied and nothing is written but manifests in the state folder, which are removed again. Nothing may write to
//! the volumes meanwhile: what changes under the comparison fails it.

use std::collections::BTreeMap;
use std::path::Path;

use super::digest_tree;
use crate::contract::orders::{Phase, VolumeMode};
use crate::mover::disk::stat::Time;
use crate::mover::ground::fail::Result;
use crate::mover::ground::path;
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::manifest::entry::Entry;
use crate::mover::manifest::reader::Manifest;

/// Paths that are named at most.
pub const DIFFERENCES_MAX: usize = 20;

/// Looks over both volumes; notes their roots in their progress, and in the second's the paths at which it is not like the first.
/// Returns whether they are the same in everything that a copy keeps.
pub fn compare(paths: [&Path; 2], mode: VolumeMode, state: &Path, progress: [&Progress; 2], cancel: &Cancel) -> Result<bool> {
    let folder = state.join("compare");
    let outcome = compare_within(&folder, paths, mode, progress, cancel);
    // Only what this call made is in it.
    let _ = std::fs::remove_dir_all(&folder);
    outcome
}

fn compare_within(folder: &Path, paths: [&Path; 2], mode: VolumeMode, progress: [&Progress; 2], cancel: &Cancel) -> Result<bool> {
    let look_over = |name: &str, path: &Path, progress: &Progress| -> Result<Manifest> {
        progress.restart();
        progress.enter(Phase::Proving);
        let manifest = digest_tree::look_over(path, mode, &folder.join(name), progress, cancel)?;
        progress.prove(Some(manifest.root()), None);
        progress.enter(Phase::Through);
        Ok(manifest)
    };
    let one = look_over("one", paths[0], progress[0])?;
    let other = look_over("other", paths[1], progress[1])?;
    if one.root() == other.root() {
        return Ok(true);
    }
    // A device is one entry without a name.
    if mode == VolumeMode::Filesystem {
        let found = differences(&one, &other, DIFFERENCES_MAX)?;
        progress[1].differ(found.iter().map(|path| path::shown(path)).collect());
    }
    Ok(false)
}

/// Returns the first paths, by directory and name, that two manifests do not have alike.
pub(crate) fn differences(one: &Manifest, other: &Manifest, most: usize) -> Result<Vec<Vec<u8>>> {
    let mut directories = one.directories();
    directories.extend(other.directories());
    directories.sort_unstable();
    directories.dedup();
    let mut found = Vec::new();
    for directory in directories {
        let (ours, theirs) = (one.entries_of(directory)?, other.entries_of(directory)?);
        found.extend(differing(&ours, &theirs).map(|name| path::join(directory, name)));
        if found.len() >= most {
            found.truncate(most);
            break;
        }
    }
    Ok(found)
}

/// Returns what is to be added where it is the times of an entry that differ, as each end saw them.
pub(super) fn times_text(one: &Manifest, other: &Manifest, path: &[u8]) -> Result<String> {
    let times = [one.time_of(path)?, other.time_of(path)?];
    Ok(match times {
        [Some(ours), Some(theirs)] if ours != theirs => {
            let shown = |time: Time| format!("{}.{:09}", time.seconds, time.nanos);
            format!(": its time is {} and there {}", shown(ours), shown(theirs))
        }
        _ => String::new(),
    })
}

fn differing<'a>(ours: &'a [Entry], theirs: &'a [Entry]) -> impl Iterator<Item = &'a [u8]> {
    let mut proofs: BTreeMap<&[u8], [Option<_>; 2]> = BTreeMap::new();
    for (side, entries) in [ours, theirs].into_iter().enumerate() {
        for entry in entries {
            proofs.entry(&entry.name).or_default()[side] = Some(entry.proof());
        }
    }
    proofs.into_iter().filter(|(_, [one, other])| one != other).map(|(name, _)| name)
}
