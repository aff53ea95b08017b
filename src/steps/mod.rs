//! What each step of a plan does: look, act, take back.
//!
//! One file a step, all of one shape (the most typical is [`pin_reclaim`]; the shape is [`act::Act`]). `observe` compares the world with the step's goal and
//! is asked in both directions; `act` and `undo` make **at most one** change a call, always with a precondition, and are called
//! again until `observe` says that they are through. Nothing here prints, sleeps or retries: that is the engine's.

mod act;
mod adopt_claim;
mod attachments;
mod await_ready;
mod before_stop;
mod bind_target;
mod clear_pods;
mod dispatch;
mod drain;
mod facts;
mod failure;
mod look;
mod mover;
mod pin_reclaim;
mod pin_retention;
mod pin_target;
mod release_claim;
mod release_staging;
mod remove_pod;
mod remove_set;
mod reopen_volume;
mod reserve_target;
mod restore_pod;
mod restore_retention;
mod restore_set;
mod scale_up;
mod settle_target;
mod standing;
mod world;

pub use attachments::detached;
pub use before_stop::{before_stop, rehearse};
pub use dispatch::{act, bars_way_back, bears_marks, beat, is_known_to_movers, notes, observe, observe_back, remind, undo};
pub use failure::{Remedy, StepError};
pub use mover::{Movers, Verdict, judge_passes};
pub use standing::{Progress, Standing};
pub use world::World;
