//! Moves a stateful app between storage classes: plan, copy, prove, cut over, and a way back.

pub mod mover;
