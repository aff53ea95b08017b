//! The objects that steps create.

pub(super) mod identity;
pub(super) mod limits;
pub(super) mod mover;
pub(super) mod resources;

pub use mover::{COMPARED, comparing_pod};
