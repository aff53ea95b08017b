//! The journal: what a run meant to do and what came of it, kept in the cluster.
//!
//! [`event`] is what is written, [`state`] the pure fold that rejects what cannot follow, [`store`] appends to ConfigMaps by
//! compare-and-swap, [`lease`] says who may execute, [`process`] names an executor so that others on its machine can tell whether it is still there,
//! [`outage`] says since when a run has the app down. Nothing here knows what a step does.

pub mod event;
pub mod lease;
pub mod outage;
pub mod process;
pub mod state;
pub mod store;

pub use event::{Entry, Event, Evidence, MadePod, Outcome};
pub use state::{RunState, Stand};
pub use store::{Journal, JournalError};
