//! What the engine and the mover say to each other: the only thing both know of each other.

pub mod orders;
