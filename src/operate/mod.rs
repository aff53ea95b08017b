//! What commands do, without terminal and arguments: the command calls it, and so does the simulated cluster, so that what is tried there
//! is what ships.
//!
//! A command is one function of [`plan`], [`execute`], [`status`], [`undo`], [`finalize`] or [`verify`]. What it needs of whoever gave it,
//! it asks a [`caller`]; what it comes to is success or a [`failure`] of an [`exit`] class.
//!
//! [`trust`] decides whether a plan and a journal that were read back count, [`carry_out`] takes a run to an ending, which [`attended`]
//! reports. [`records`] says where runs stand, [`kept`] which volumes a run kept, [`rehearsal`] tries what a plan will make, [`expiry`] doubts credentials. [`hints`] says what
//! can be done about each error.

mod attended;
pub mod caller;
pub mod carry_out;
mod course;
pub mod execute;
pub mod exit;
mod expiry;
pub mod failure;
pub mod finalize;
mod hints;
pub mod kept;
pub mod plan;
pub mod records;
pub mod rehearsal;
pub mod report;
pub mod status;
pub mod trust;
pub mod undo;
pub mod verify;

pub use carry_out::{ExecuteError, Executor, carry_out};
pub use course::Course;
pub use trust::{Assurances, Basis, Distrust, TrustedRun};
