//! What the kernel offers of volumes, folders, files and devices, as a mover needs it.
//!
//! Nothing here knows of copies, manifests or networks.

mod attributes;
pub mod buffer;
pub mod cached;
pub mod clock;
pub mod device;
pub mod direct;
pub(crate) mod holes;
pub(crate) mod lend;
pub mod metadata;
pub mod origin;
pub mod quiet;
pub(crate) mod set_back;
pub mod stat;
pub(crate) mod times;
pub mod together;
pub mod tree;
pub mod volume;
