//! How a pass behaves beside the app: it steps back, takes a share, rests, and keeps a pace.
//!
//! Nothing here reads or writes a volume, and no result of a pass depends on it. Any room above may ask for manners; they know the ground alone.

pub mod pace;
pub mod priority;
pub mod share;
pub mod throttle;
