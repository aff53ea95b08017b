//! One look over a volume, the same at both ends: what is there, what of it is unchanged, and the digests of the rest.
//!
//! Nothing here writes to a volume.

mod aside;
pub mod device;
mod directory;
mod entry;
mod file;
mod flags;
mod large;
mod layers;
mod links;
pub mod look;
mod order;
mod read;
mod read_back;
mod segments;
mod small;
mod stretches;
mod subject;
pub mod worker;
