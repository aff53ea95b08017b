//! Drives a plan: stage by stage, each step to its goal, forward or back, with intent written before the world is touched.
//!
//! [`run`] takes a run to an ending, [`drive`] takes one step to its goal, [`pace`] says how long to wait and [`patience`] until
//! when, [`record`] writes to the journal, [`notice`] is what is told to whoever listens; [`gate`] is the last look before the app is stopped, and [`downtime`]
//! says whether it is. It knows no single step's business.

mod downtime;
mod drive;
mod gate;
pub mod notice;
pub mod pace;
mod patience;
mod record;
pub mod run;

pub use notice::{Listener, Notice};
pub use run::{Ending, Run, Trouble};
