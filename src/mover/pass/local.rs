//! The target end of a pass in the same process as its source end.
//!
//! What it does to the volume is the same as over a network.

use std::path::Path;
use std::sync::Arc;

use super::ends::{Inventory, PassRequest, TargetEnd};
use super::target::TargetVolume;
use crate::mover::ground::digest::Digest;
use crate::mover::ground::fail::Result;
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::ground::work;
use crate::mover::manifest::reader::Manifest;
use crate::mover::manners::pace::Pace;
use crate::mover::write::apply::{Apply, DirectLane};
use crate::mover::write::change::Lane;

/// A target in the same process.
pub struct LocalTarget {
    volume: Arc<TargetVolume>,
    pace: Option<Arc<Pace>>,
    pass: Option<(Arc<Apply>, Arc<Progress>, Arc<Cancel>)>,
    manifest: Option<Arc<Manifest>>,
}

impl LocalTarget {
    /// Returns the target end of this volume, written not faster than this pace.
    #[must_use]
    pub fn new(volume: Arc<TargetVolume>, pace: Option<Arc<Pace>>) -> LocalTarget {
        LocalTarget { volume, pace, pass: None, manifest: None }
    }
}

impl TargetEnd for LocalTarget {
    fn begin(&mut self, request: &PassRequest<'_>) -> Result<Inventory> {
        let inventory = self.volume.begin(request.believed, request.size, request.progress, request.cancel)?;
        // What is applied is counted by the source already.
        let apply = Arc::new(self.volume.apply(&Arc::new(Progress::default())));
        self.pass = Some((apply, Arc::clone(request.progress), Arc::clone(request.cancel)));
        Ok(inventory)
    }

    fn lanes(&mut self) -> Result<Vec<Box<dyn Lane + '_>>> {
        let (apply, _, _) = self.pass.as_ref().expect("lanes are asked for within a pass");
        let lane = || Box::new(DirectLane::new(Arc::clone(apply), self.pace.clone())) as Box<dyn Lane>;
        Ok((0..work::threads()).map(|_| lane()).collect())
    }

    fn end(&mut self, is_last: bool) -> Result<Option<Digest>> {
        let (_, progress, cancel) = self.pass.take().expect("a pass ends once");
        self.manifest = self.volume.end(is_last, &progress, &cancel)?;
        Ok(self.manifest.as_ref().map(|manifest| manifest.root()))
    }

    fn listing(&mut self, _: &Path) -> Result<Arc<Manifest>> {
        Ok(Arc::clone(self.manifest.as_ref().expect("the pass has ended")))
    }
}
