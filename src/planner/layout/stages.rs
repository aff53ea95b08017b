//! The stages of a move to another storage class, or back to kept volumes, in their order.
//!
//! Everything up to the stop of the app is additive. Between it and the start of the app there is nothing but the last pass, the proof and
//! the swap.

use super::{cut_over, movers, preparation, restart, retention};
use crate::plan::{PlannedStep, Stage};
use crate::planner::choose::Choice;

/// Returns the stages, still without guards.
pub(super) fn stages(choice: &Choice<'_>) -> Vec<Stage> {
    let mut stages = Vec::new();
    let mut add = |name: &str, app_is_down: bool, steps: Vec<PlannedStep>| {
        if !steps.is_empty() {
            stages.push(Stage { name: name.to_owned(), app_is_down, steps });
        }
    };
    let down = choice.app_runs();
    add("keep the source volumes", false, preparation::pins(choice));
    add("keep the claims", false, retention::pin(choice));
    add("reserve the kept volumes", false, preparation::reopens(choice));
    add("reserve the target volumes", false, preparation::reserves(choice));
    add("start the movers", false, movers::early(choice));
    add("copy while the app runs", false, movers::warm_copies(choice));
    add("remove pods that are over", false, preparation::clears(choice));
    add("stop the app", down, cut_over::drains(choice));
    add("start the movers", down, movers::late(choice));
    add("copy what changed and prove the copies", down, movers::proofs(choice));
    add("stop the movers", down, movers::stops(choice).into_iter().chain(cut_over::removal(choice)).collect());
    add("free the names of the claims", down, cut_over::releases(choice));
    add("reserve the target volumes for the claims", down, cut_over::binds(choice));
    add("create the claims on the target volumes", down, cut_over::adopts(choice));
    add("start the app", down, restart::starts(choice));
    add("wait until the app is ready", down, restart::awaits(choice));
    add("settle", false, restart::settles(choice).into_iter().chain(retention::restoration(choice)).collect());
    stages
}
