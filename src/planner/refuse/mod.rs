//! Every reason not to move, what can be done about it, and where it is found.
//!
//! Some of what is found keeps nobody from moving, and is said beside the plan: the same files have those notes.

pub(super) mod access_modes;
mod app;
pub(super) mod appliers;
mod capacity;
mod claim;
mod destination;
mod finalizers;
mod find;
pub(super) mod fs_group;
mod movers;
mod nodes;
pub(super) mod occupants;
mod reason;
mod reference;
pub(super) mod replicas;
pub(super) mod rollout;
mod room;
mod selection;

pub(super) use find::find;
pub use reason::{AppReason, ClaimReason, Held, MoverReason, Refusal, Refusals, TargetReason};
pub(super) use room::of_records;
