//! Moves a stateful app between storage classes: plan, copy, prove, cut over, and a way back.

#[cfg(feature = "command")]
pub mod cli;
#[cfg(feature = "command")]
pub mod cluster;
pub mod contract;
#[cfg(feature = "command")]
pub mod engine;
pub mod escape;
#[cfg(feature = "command")]
pub mod journal;
#[cfg(target_os = "linux")]
pub mod mover;
#[cfg(feature = "command")]
pub mod operate;
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
pub mod words;
