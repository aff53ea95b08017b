//! The last look before the app is stopped: whether it could be started again, forward and back, and whether what is to be deleted would go.
//!
//! What is looked at is in [`crate::steps::before_stop`]. Here it is asked until there is an answer.

use std::time::Duration;

use tokio::time::Instant;

use super::patience::REFUSED_MAX;
use super::run::{Run, Trouble};
use crate::cluster::ApiError;
use crate::plan::{Plan, PlannedStep};
use crate::steps::{self, StepError};

/// How long to wait between two tries.
const TRY_EVERY: Duration = Duration::from_secs(2);

/// For how long an answer that is none is borne: as a look that is not answered, and as a change that nobody can judge.
fn longest(error: &ApiError) -> Option<Duration> {
    match error {
        ApiError::NoAnswer(_) => error.passes_within(),
        _ => error.passes_within().map(|longest| longest.min(REFUSED_MAX)),
    }
}

/// Returns when nothing speaks against stopping the app.
pub(super) async fn passes(run: &Run<'_>, plan: &Plan, stop: &PlannedStep) -> Result<(), Trouble> {
    let step = stop.id.clone();
    let began = Instant::now();
    loop {
        run.may_go_on()?;
        match steps::before_stop(plan, run.world()).await {
            Ok(()) => return Ok(()),
            Err(StepError::Api(error)) if longest(&error).is_some_and(|longest| began.elapsed() < longest) => run.sleep(TRY_EVERY).await,
            Err(StepError::Api(error)) if error.is_passing() => return Err(Trouble::Silence(error.to_string())),
            Err(error) => return Err(Trouble::of(step, error)),
        }
    }
}
