//! One pass over one volume: its two ends, what each must tell the other, and the proof.
//!
//! A pass does not know whether a network lies between its ends.

pub mod compare;
pub mod digest_tree;
pub mod ends;
pub mod local;
mod predict;
pub mod source;
pub mod target;
