//! Which claims are moved, grouped how, and which way each group goes: one `Choice`, made once for a request and a survey.
//!
//! It refuses nothing and makes no step. What cannot be moved is chosen all the same, so that it can be said why not.

mod choice;
mod claim;
mod cost;
mod place;
mod template;
mod unit;
mod way;

pub(crate) use choice::Choice;
pub(crate) use claim::{MovedClaim, wanted_modes};
pub(crate) use cost::cost;
pub(crate) use place::{admits, runs_driver};
pub(crate) use template::Template;
pub(crate) use unit::Unit;
pub(crate) use way::Way;
