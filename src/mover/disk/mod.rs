//! What the kernel offers of volumes, folders, files and devices, as a mover needs it.
//!
//! Nothing here knows of copies, manifests or networks.

mod attributes;
pub mod buffer;
pub mod cached;
pub(crate) mod holes;
pub(crate) mod lend;
pub mod metadata;
pub mod quiet;
pub(crate) mod set_back;
pub(crate) mod times;
pub mod together;
pub mod tree;
pub mod volume;
