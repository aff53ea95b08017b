//! What the two ends of a pass say to each other, whether or not a network lies between them.
//!
//! How it is said is the business of the ends.

use std::path::Path;
use std::sync::Arc;

use crate::contract::orders::Volume;
use crate::mover::ground::digest::Digest;
use crate::mover::ground::fail::Result;
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::manifest::reader::Manifest;
use crate::mover::write::change::Lane;

/// The target as the source sees it.
pub trait TargetEnd: Send {
    /// Begins a pass over a volume; a listing is kept in this folder if it has to be.
    fn begin(&mut self, request: &PassRequest<'_>) -> Result<Inventory>;

    /// Returns the lanes on which changes go, one for each thread.
    fn lanes(&mut self) -> Result<Vec<Box<dyn Lane + '_>>>;

    /// Ends the pass once all lanes have ended their last stage; returns the root digest of what is on the target, or none if
    /// the target was told not to prove anything.
    fn end(&mut self, is_last: bool) -> Result<Option<Digest>>;

    /// Returns the manifest of what is on the target, after the pass.
    fn listing(&mut self, folder: &Path) -> Result<Arc<Manifest>>;
}

/// What a target is told when a pass begins.
pub struct PassRequest<'a> {
    /// The volume.
    pub volume: &'a Volume,
    /// The root digest of what the source believes to be there.
    pub believed: Option<Digest>,
    /// The size of a device.
    pub size: u64,
    /// Where the source keeps what it knows of the volume.
    pub folder: &'a Path,
    /// What is counted.
    pub progress: &'a Arc<Progress>,
    /// Whether to end early.
    pub cancel: &'a Arc<Cancel>,
}

/// What the target can say at the beginning of a pass.
#[derive(Debug)]
pub enum Inventory {
    /// It holds exactly what the source believes.
    Trusted,
    /// It holds this.
    Listing(Arc<Manifest>),
    /// It is an empty folder, or a device of which nothing is known.
    Blank,
}
