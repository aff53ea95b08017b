//! What was seen in the cluster before planning, as plain data.
//!
//! Not called a snapshot: that word is a `VolumeSnapshot` here. A survey holds facts only (no judgement, no clock, no
//! connection), so that a plan can be made from a file of it. Sizes are bytes. Objects that will be made again are kept whole, as
//! raw JSON; everything else is reduced to what the planner asks.

mod app;
mod claim;
pub mod file;
pub mod object;
mod pod;
mod storage;
mod surroundings;
mod telling;
mod whole;

pub use app::{Acts, AppKind, AppSeen, AppliedBy, AutoscalerSeen};
pub use claim::{ClaimOrigin, ClaimSeen};
pub use pod::{MountSeen, PodSeen, TemplateSeen, is_over};
pub use storage::{CapacitySeen, ClassSeen, DriverSeen, KeptSeen, VolumeSeen};
pub use surroundings::{AccessSeen, LimitSeen, NamespaceSeen, NodeSeen, QuotaSeen};
pub use whole::Survey;
