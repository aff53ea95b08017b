//! One look over a volume, the same at both ends: what is there, what of it is unchanged, and the digests of the rest.
//!
//! Nothing here writes to a volume.

pub mod block;
mod flags;
mod groups;
mod layers;
pub(crate) mod read;
mod read_back;
pub mod scan;
mod segments;
mod small;
