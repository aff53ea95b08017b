//! Reads everything a plan is made from. Changes nothing, and judges nothing: a fact that may not be read is left out, and the missing
//! permission is one of the facts.

mod app;
mod appliers;
mod claims;
mod failure;
mod network;
mod reference;
mod selector;
mod surroundings;
mod survey;
mod templates;

pub use claims::kept_seen;
pub use failure::{SurveyError, api_hint};
pub use reference::{Reference, resolve};
pub use survey::survey;
