//! Guards: what a settled step did must stay as it is until the stage that ends its protection (see [`PlannedStep::guarded_until`]).
//!
//! What nobody meant to lose is made again; anything else is trouble.

use futures::future::LocalBoxFuture;
use tokio::sync::Mutex;

use super::drive::{self, Vigil};
use super::ending::Trouble;
use super::seat::Seat;
use crate::journal::Event;
use crate::plan::PlannedStep;
use crate::steps::{self, Standing};

/// How often what got lost is made again.
const RENEWALS_MAX: u32 = 5;

/// The guards of one run.
#[derive(Default)]
pub(super) struct Guards {
    one_at_a_time: Mutex<()>,
}

/// The guards of a stage, while its steps are driven.
pub(super) struct StageVigil<'a, 'r> {
    pub(super) guards: &'a Guards,
    pub(super) seat: &'a Seat<'r>,
    pub(super) stage: usize,
}

impl Vigil for StageVigil<'_, '_> {
    fn look(&self) -> LocalBoxFuture<'_, Result<(), Trouble>> {
        Box::pin(self.guards.check(self.seat, self.stage))
    }
}

impl Guards {
    /// Looks whether everything that earlier steps did, and this stage relies on, still stands.
    pub(super) async fn check(&self, seat: &Seat<'_>, stage: usize) -> Result<(), Trouble> {
        // Steps that are driven together would else each do the same thing again.
        let _one_at_a_time = self.one_at_a_time.lock().await;
        let state = seat.state().await;
        let relied_on = |(index, step): &(usize, &PlannedStep)| {
            let done = state.stand(&step.id).is_done();
            *index < stage && done && step.guarded_until.is_some_and(|until| stage < until)
        };
        let looks = seat.plan.steps().filter(relied_on).map(|(_, step)| still_stands(seat, step, state.renewals(&step.id)));
        seat.together(looks).await
    }
}

async fn still_stands(seat: &Seat<'_>, planned: &PlannedStep, renewals: u32) -> Result<(), Trouble> {
    let step = planned.id.clone();
    let undone = match steps::observe(&planned.step, seat.world()).await {
        Ok(Standing::After(_)) => return Ok(()),
        Ok(Standing::Adrift(why)) => return Err(Trouble::Adrift { step, why }),
        Ok(Standing::Before) => format!("somebody undid this: {}", planned.step.does(seat.plan.subject())),
        Ok(Standing::Underway(progress)) => {
            format!("somebody undid this: {} (waiting for {})", planned.step.does(seat.plan.subject()), progress.waiting_for)
        }
        // No answer is no news, nor is one that says no; the steps themselves notice what lasts.
        Err(steps::StepError::Api(error)) if error.is_passing() || error.is_denial() => return Ok(()),
        Err(error) => return Err(Trouble::of(step, error)),
    };
    if planned.step.is_renewed() && renewals < RENEWALS_MAX {
        seat.write(Event::Renewed { step }).await?;
        return drive::forward(seat, None, planned).await;
    }
    Err(Trouble::Adrift { step, why: undone })
}
