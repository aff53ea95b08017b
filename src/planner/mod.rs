//! From a request and a survey to a plan, or to the reasons why not. Pure: no I/O, no clock, no chance.
//!
//! `choose` decides which claims are moved and how; `refuse` finds every reason not to, and says what to do about it; [`objects`] makes
//! the objects that steps will create; `layout` puts the steps in their stages. [`going_back`] makes the request that takes a finished run
//! back. The same request and survey always give the same plan, which is how a change of the cluster between planning and executing is noticed.

mod choose;
pub mod going_back;
mod layout;
pub mod objects;
mod refuse;

pub use refuse::{AppReason, ClaimReason, MoverReason, Refusal, Refusals, RolloutHold, TargetReason};

use choose::Choice;

use crate::plan::{Plan, Request};
use crate::survey::Survey;

/// Makes the plan for a request.
///
/// # Errors
///
/// All reasons not to, most serious first; never an empty list.
pub fn plan(request: &Request, survey: &Survey, cluster: &str) -> Result<Plan, Refusals> {
    let choice = Choice::of(request, survey);
    let refused = |reasons: Vec<Refusal>| Refusals { namespace: survey.namespace.name.clone(), reasons };
    let reasons = refuse::find(&choice);
    if !reasons.is_empty() {
        return Err(refused(reasons));
    }
    let plan = layout::plan(&choice, cluster);
    let reasons = refuse::of_records(survey, &plan);
    if reasons.is_empty() { Ok(plan) } else { Err(refused(reasons)) }
}
