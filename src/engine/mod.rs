//! Drives a plan: stage by stage, each step to its goal, forward or back, with intent written before the world is touched.
//!
//! - [`way`] takes a run to an [`ending`], and [`drive`] takes one step to its goal.
//! - [`guard`] looks after what steps did. [`downtime`] says whether the app is down.
//! - [`seat`] is what an executor has. [`pace`] says how long to wait, and [`patience`] until when.
//! - [`record`] writes to the journal, and [`notice`] is what is told to whoever listens.
//! - Before the app is stopped, [`warm_copies`] has old copies made once more, and [`gate`] looks a last time.
//!
//! It knows no single step's business.

mod downtime;
mod drive;
mod ending;
mod gate;
mod guard;
pub mod notice;
pub mod pace;
mod patience;
mod record;
mod seat;
mod warm_copies;
mod way;

pub use ending::{Ending, Trouble};
pub use notice::{Listener, Notice};
pub use way::Run;
