//! What every room stands on: digests, paths, failures, counters and threads.
//!
//! Nothing here touches a volume.

pub mod digest;
pub mod fail;
pub mod gate;
pub mod number;
pub mod path;
pub mod progress;
pub mod work;
