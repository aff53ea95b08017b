//! From a request and a survey to a plan, or to the reasons why not. Pure: no I/O, no clock, no chance.
//!
//! [`refusal`] is every reason not to move and `hint` what to do about it; [`checks`] finds them, with `appliers` for who would put a move back, `finalizers` for what would not go when it is deleted and
//! `occupants` for whoever else holds a claim and `room` for quotas and limits, `capacity` for what drivers have left, `nodes` for where nothing can run, `rollout` and `replicas` for templates and pods that wait, `access_modes` for who shares a claim; [`storage_class`] lays out the stages; [`objects`] makes the
//! objects that steps will create, `cost` says what a claim adds to the outage, `identity` as whom
//! movers run and `notes` what to know beside the steps; [`going_back`] makes the request that takes a finished run back. The same request and survey
//! always give the same plan, which is how a change of the cluster between planning and executing is noticed.

mod access_modes;
mod appliers;
mod capacity;
pub mod checks;
mod cost;
mod finalizers;
mod fs_group;
pub mod going_back;
mod hint;
mod identity;
mod limits;
mod nodes;
mod notes;
pub mod objects;
mod occupants;
mod reclaim;
pub mod refusal;
mod replicas;
mod resources;
mod rollout;
mod room;
pub mod storage_class;

pub use refusal::{Refusal, Refusals};

use crate::plan::{Plan, Request};
use crate::survey::Survey;

/// Makes the plan for a request.
///
/// # Errors
///
/// All reasons not to, most serious first; never an empty list.
pub fn plan(request: &Request, survey: &Survey, cluster: &str) -> Result<Plan, Refusals> {
    let reasons = checks::refusals(request, survey);
    if !reasons.is_empty() {
        return Err(Refusals { namespace: survey.namespace.name.clone(), reasons });
    }
    let plan = storage_class::layout(request, survey, cluster);
    let reasons = room::of_records(survey, &plan);
    if reasons.is_empty() { Ok(plan) } else { Err(Refusals { namespace: survey.namespace.name.clone(), reasons }) }
}
