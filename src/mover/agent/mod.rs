//! The mover at work: orders come in, passes are made, reports go out; or the same by hand.
//!
//! Nothing of the data path is here, and nothing of Kubernetes.

pub mod by_hand;
mod job;
pub mod line;
pub mod obey;
pub mod silence;
