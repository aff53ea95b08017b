//! The last look before the app is stopped: whether it could be started again, forward and back, and whether what is to be deleted would go.
//!
//! What is looked at is in [`crate::steps::before_stop`]. Here it is asked until there is an answer.

use std::time::Duration;

use tokio::time::Instant;

use super::ending::Trouble;
use super::notice::Notice;
use super::patience::REFUSED_MAX;
use super::seat::Seat;
use crate::cluster::ApiError;
use crate::plan::PlannedStep;
use crate::steps::{self, Progress, StepError};

/// How long to wait between two tries.
const TRY_EVERY: Duration = Duration::from_secs(2);

/// A volume may be on its way off the node where its pod was before.
const DETACHED_WITHIN: Duration = Duration::from_secs(60);

/// For how long an answer that is none is borne: as a look that is not answered, and as a change that nobody can judge.
fn longest(error: &ApiError) -> Option<Duration> {
    match error {
        ApiError::NoAnswer(_) => error.passes_within(),
        _ => error.passes_within().map(|longest| longest.min(REFUSED_MAX)),
    }
}

/// Returns when nothing speaks against stopping the app.
pub(super) async fn passes(seat: &Seat<'_>, stop: &PlannedStep) -> Result<(), Trouble> {
    asked(seat, stop, Duration::ZERO, async || steps::before_stop(seat.plan, seat.world()).await).await
}

/// Returns when no other node has a volume that is copied.
pub(super) async fn detached(seat: &Seat<'_>, stop: &PlannedStep) -> Result<(), Trouble> {
    asked(seat, stop, DETACHED_WITHIN, async || steps::detached(seat.plan, seat.world()).await).await
}

async fn asked(
    seat: &Seat<'_>,
    stop: &PlannedStep,
    settles_within: Duration,
    look: impl AsyncFn() -> Result<(), StepError>,
) -> Result<(), Trouble> {
    let step = stop.id.clone();
    let began = Instant::now();
    loop {
        seat.may_go_on()?;
        match look().await {
            Ok(()) => return Ok(()),
            Err(StepError::Failed { why, .. }) if began.elapsed() < settles_within => {
                let progress =
                    Progress { waiting_for: format!("what speaks against stopping the app to be over: {why}"), ..Progress::default() };
                seat.tell(&Notice::Waiting { step: step.clone(), progress });
                seat.sleep(TRY_EVERY).await;
            }
            Err(StepError::Api(error)) if longest(&error).is_some_and(|longest| began.elapsed() < longest) => seat.sleep(TRY_EVERY).await,
            Err(StepError::Api(error)) if error.is_passing() => return Err(Trouble::Silence(error.to_string())),
            Err(error) => return Err(Trouble::of(step, error)),
        }
    }
}
