//! From a request and a survey to a plan, or to the reasons why not. Pure: no I/O, no clock, no chance.
//!
//! [`choose`] decides which claims are moved and how; [`refuse`] finds every reason not to, and says what to do about it; [`objects`] makes
//! the objects that steps will create; [`layout`] puts the steps in their stages. [`going_back`] makes the request that takes a finished run
//! back. The same request and survey always give the same plan, which is how a change of the cluster between planning and executing is noticed.

mod choose;
pub mod going_back;
mod layout;
pub mod objects;
mod refuse;

pub use refuse::{Refusal, Refusals};

use layout::storage_class;
use refuse::{checks, room};

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
