//! Whether warm copies are still what the last pass can build on, right before the app is stopped: their movers may be others by now, which know
//! nothing of them, or they may be from long ago, as where other copies took longer.
//!
//! What a pass does and what it predicts is not known here: see [`crate::steps`].

use std::time::Duration;

use super::drive::{self, Vigil};
use super::ending::Trouble;
use super::seat::Seat;
use crate::journal::Event;
use crate::plan::{PlannedStep, Step};
use crate::steps::{self, StepError};

/// After so long another pass is made before the app is stopped: what the last one predicted is no longer so.
const FRESH_FOR: Duration = Duration::from_secs(600);

/// At most so many rounds of such passes, each of which may take as long as a copy.
const ROUNDS_MAX: usize = 3;

/// Has those made again, in the stage of the vigil, that the last pass could not build on.
pub(super) async fn renew(seat: &Seat<'_>, vigil: &dyn Vigil) -> Result<(), Trouble> {
    for _ in 0..ROUNDS_MAX {
        let mut stale = Vec::new();
        for (_, planned) in seat.plan.steps().filter(|(_, planned)| matches!(planned.step, Step::WarmCopy(_))) {
            if is_stale(seat, planned).await? {
                seat.write(Event::Renewed { step: planned.id.clone() }).await?;
                stale.push(planned);
            }
        }
        if stale.is_empty() {
            return Ok(());
        }
        seat.together(stale.into_iter().map(|planned| drive::forward(seat, Some(vigil), planned))).await?;
    }
    Ok(())
}

async fn is_stale(seat: &Seat<'_>, planned: &PlannedStep) -> Result<bool, Trouble> {
    let is_old = seat.through_at(&planned.id).is_some_and(|at| at.elapsed() > FRESH_FOR);
    match steps::is_known_to_movers(&planned.step, seat.world()).await {
        Ok(is_known) => Ok(is_old || !is_known),
        // The look before the stop asks again.
        Err(StepError::Api(error)) if error.is_passing() => Ok(is_old),
        Err(error) => Err(Trouble::of(planned.id.clone(), error)),
    }
}
