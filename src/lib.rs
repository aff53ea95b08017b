//! Moves a stateful app between storage classes: plan, copy, prove, cut over, and a way back.

#[cfg(feature = "command")]
pub mod cli;
#[cfg(feature = "command")]
pub mod cluster;
#[cfg(feature = "command")]
pub mod engine;
#[cfg(feature = "command")]
pub mod error;
#[cfg(feature = "command")]
pub mod finalize;
#[cfg(feature = "command")]
pub mod journal;
pub mod mover;
#[cfg(feature = "command")]
pub mod plan;
#[cfg(feature = "command")]
pub mod planner;
#[cfg(feature = "command")]
pub mod size;
#[cfg(feature = "command")]
pub mod steps;
#[cfg(feature = "command")]
pub mod survey;
#[cfg(feature = "command")]
pub mod ui;
