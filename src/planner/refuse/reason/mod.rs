//! The reasons not to move by whose they are, with their messages and hints. Each list is closed.

mod app;
mod applier_pause;
mod claim;
mod dead_pod;
mod mover;
mod refusal;
mod target;

pub use app::{AppReason, RolloutHold};
pub use claim::ClaimReason;
pub use mover::MoverReason;
pub use refusal::{Refusal, Refusals};
pub use target::TargetReason;
