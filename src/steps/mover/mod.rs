//! Steps about movers: pods that are started, ordered, listened to and stopped, and which of them count as the run's own.
//!
//! What a mover does with bytes is in the room `mover` of the crate; all that is known of it here is the contract.

mod answer;
mod copy;
mod last;
mod pod;
mod roster;
mod start;
mod stop;
mod wait;
mod warm;

pub(in crate::steps) use copy::beat;
pub use roster::Movers;
pub use warm::{Verdict, judge_passes};
