//! A plan: every change of a move, in order, with each value it will write, before anything is changed.
//!
//! A plan is a versioned file that a person can review and a machine can carry out. It leaves no choice to execution: names,
//! old and new values and deadlines are all in it. This room does no I/O and knows no API client; [`check`] lints every plan that
//! was made or loaded, and each file of [`step`] has all that is known of one kind of change.

mod app;
mod as_written;
pub mod check;
mod claim_move;
pub mod difference;
mod document;
mod end;
pub mod file;
pub mod finalizers;
pub mod marks;
pub mod mover_pod;
mod names;
pub mod reach;
mod request;
mod scope;
pub mod shape;
mod stage;
pub mod step;
mod subject;
mod upgrade;

pub use app::App;
pub use as_written::AsWritten;
pub use claim_move::{ASSUMED_BYTES_PER_SECOND, ClaimMove, KeptEnd, OutageCost, Rung, SourceEnd, TargetEnd};
pub use document::{API_VERSION, KIND, Plan};
pub use end::End;
pub use names::{RunId, Slot, StepId, is_namespace, is_object, plan_record, run_of_mover, staging_name};
pub use request::{Destination, KeptVolume, Request, START_SECS, STOP_SECS};
pub use stage::{PlannedStep, Stage};
pub use step::Step;
pub use subject::Subject;
