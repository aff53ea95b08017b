//! Changes to a volume: what they are, how the target carries them out, and what it has to read back for them.
//!
//! Nothing here decides what is changed.

pub mod apply;
pub mod change;
mod content;
pub mod early;
mod flush;
pub mod slate;
pub mod touched;
mod within;
