//! One look over a volume, the same at both ends: what is there, what of it is unchanged, and the digests of the rest.
//!
//! Nothing here writes to a volume.

pub mod device;
mod flags;
pub(crate) mod large;
mod layers;
mod links;
pub mod look;
mod read_back;
mod segments;
mod small;
