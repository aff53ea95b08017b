//! Every reason not to move, what can be done about it, and where it is found.

pub(super) mod access_modes;
pub(super) mod appliers;
pub(super) mod capacity;
pub(super) mod checks;
pub(super) mod finalizers;
pub(super) mod fs_group;
pub(super) mod hint;
pub(super) mod nodes;
pub(super) mod occupants;
pub(super) mod refusal;
pub(super) mod replicas;
pub(super) mod rollout;
pub(super) mod room;

pub use refusal::{Refusal, Refusals};
