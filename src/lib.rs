//! Moves a stateful app between storage classes: plan, copy, prove, cut over, and a way back.

pub mod cli;
pub mod cluster;
pub mod engine;
pub mod error;
pub mod finalize;
pub mod journal;
pub mod mover;
pub mod plan;
pub mod planner;
pub mod size;
pub mod steps;
pub mod survey;
pub mod ui;
