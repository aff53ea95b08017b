//! The journal: what a run meant to do and what came of it, kept in the cluster.
//!
//! - [`event`] is what is written, and [`state`] the pure fold that rejects what cannot follow.
//! - [`store`] appends to ConfigMaps by compare-and-swap; `piece` is one of those ConfigMaps as text.
//! - [`stored_plan`] keeps the plan beside them. `traces` finds what an earlier run has left.
//! - [`lease`] says who may execute. [`process`] names an executor so that others on its machine can tell whether it is still there.
//! - [`outage`] says since when a run has the app down.
//!
//! Nothing here knows what a step does.

pub mod event;
mod failure;
pub mod lease;
pub mod outage;
mod piece;
pub mod process;
pub mod state;
pub mod store;
pub mod stored_plan;
mod traces;

pub use event::{Entry, Event, Evidence, MadePod, Outcome};
pub use failure::JournalError;
pub use state::{RunState, Stand};
pub use store::Journal;
