//! Every reason not to move, what can be done about it, and where it is found.
//!
//! Some of what is found keeps nobody from moving, and is said beside the plan: the same files have those notes.

pub(crate) mod access_modes;
mod app;
pub(crate) mod appliers;
mod capacity;
mod claim;
mod destination;
mod finalizers;
mod find;
pub(crate) mod fs_group;
mod movers;
mod nodes;
pub(crate) mod occupants;
mod reason;
mod reference;
pub(crate) mod replicas;
pub(crate) mod rollout;
mod room;
mod selection;

pub(super) use find::find;
pub use reason::{AppReason, ClaimReason, MoverReason, Refusal, Refusals, RolloutHold, TargetReason};
pub(super) use room::of_records;
