//! The objects that steps create: claims, mover pods, and the app's own objects made again. It decides nothing of a move.

mod again;
mod app;
mod claims;
mod identity;
mod limits;
mod mounts;
mod mover;
mod mover_end;
mod place;
mod resources;

pub(crate) use app::{app_pod_spec, pod_again, set_again};
pub(crate) use claims::{CLAIM_NAME_MAX, adopted_claim, released_claim, staging_claim, staging_claim_on};
pub(crate) use identity::{Identity, lets_root_in};
pub(crate) use mover::mover_pod;
pub use mover::{COMPARED, comparing_pod};
pub(crate) use mover_end::{MoverEnd, mover_name, movers_of};
pub(crate) use resources::{Needs, needs};
