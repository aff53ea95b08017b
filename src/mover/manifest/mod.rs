//! A mover's own memory of a volume, in its state folder.
//!
//! Nothing here looks at the volume, and nothing decides whether the memory may be believed today.

pub mod blocks;
pub mod entry;
mod index;
pub mod known;
pub mod reader;
mod store;
pub mod writer;
