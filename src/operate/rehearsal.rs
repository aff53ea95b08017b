//! Whether the server would let in what a plan will make, asked before anything is changed. What it says is a reason not to move, as any other.

use thiserror::Error;

use crate::cluster::Connection;
use crate::plan::Plan;
use crate::planner::{MoverReason, Refusal, Refusals};
use crate::steps::{self, StepError, World};

/// Why a plan is not begun.
#[derive(Debug, Error)]
pub enum RehearsalError {
    /// The server would not let in what it makes.
    #[error("{0}")]
    Refused(Refusals),
    /// That could not be asked.
    #[error("cannot try what the move would make: {0}")]
    Unasked(#[from] StepError),
}

/// Tries, without storing it, all that a plan makes, forward and back.
///
/// # Errors
///
/// When the server would refuse some of it, or does not answer.
pub async fn rehearse(connection: &Connection, plan: &Plan) -> Result<(), RehearsalError> {
    let reasons: Vec<Refusal> = steps::rehearse(plan, &World::within(connection, plan))
        .await?
        .into_iter()
        .map(|what| Refusal::Mover(MoverReason::NotAdmitted { what }))
        .collect();
    if reasons.is_empty() { Ok(()) } else { Err(RehearsalError::Refused(Refusals { namespace: plan.namespace().to_owned(), reasons })) }
}
