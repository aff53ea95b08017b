//! From what was chosen to the stages of a plan.

pub(super) mod notes;
pub(super) mod reclaim;
pub(super) mod storage_class;
