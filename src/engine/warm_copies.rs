//! Whether warm copies are still what the last pass can build on, right before the app is stopped: their movers may be others by now, which know
//! nothing of them, or they may be from long ago, as where other copies took longer.
//!
//! What a pass does and what it predicts is not known here: see [`crate::steps`].

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use super::drive;
use super::run::{Run, Trouble};
use crate::journal::Event;
use crate::plan::{Plan, PlannedStep, Step, StepId};
use crate::steps::{self, StepError};

/// After so long another pass is made before the app is stopped: what the last one predicted is no longer so.
const FRESH_FOR: Duration = Duration::from_secs(600);

/// At most so many rounds of such passes, each of which may take as long as a copy.
const ROUNDS_MAX: usize = 3;

/// When the warm copies of a run were through last, in this process.
#[derive(Debug, Default)]
pub(super) struct WarmCopies(Mutex<BTreeMap<StepId, Instant>>);

impl WarmCopies {
    fn through_at(&self) -> MutexGuard<'_, BTreeMap<StepId, Instant>> {
        self.0.lock().expect("no code panics while holding this lock")
    }

    /// A step is through.
    pub(super) fn note(&self, planned: &PlannedStep) {
        if matches!(planned.step, Step::WarmCopy(_)) {
            self.through_at().insert(planned.id.clone(), Instant::now());
        }
    }

    /// Has those made again, as in that stage, that the last pass could not build on.
    pub(super) async fn renew(&self, run: &Run<'_>, plan: &Plan, stage: usize) -> Result<(), Trouble> {
        for _ in 0..ROUNDS_MAX {
            let mut stale = Vec::new();
            for (_, planned) in plan.steps().filter(|(_, planned)| matches!(planned.step, Step::WarmCopy(_))) {
                if self.is_stale(run, planned).await? {
                    run.write(Event::Renewed { step: planned.id.clone() }).await?;
                    stale.push(planned);
                }
            }
            if stale.is_empty() {
                return Ok(());
            }
            run.together(stale.into_iter().map(|planned| drive::forward(run, Some(stage), planned))).await?;
        }
        Ok(())
    }

    async fn is_stale(&self, run: &Run<'_>, planned: &PlannedStep) -> Result<bool, Trouble> {
        let is_old = self.through_at().get(&planned.id).is_some_and(|at| at.elapsed() > FRESH_FOR);
        match steps::is_known_to_movers(&planned.step, run.world()).await {
            Ok(is_known) => Ok(is_old || !is_known),
            // The look before the stop asks again.
            Err(StepError::Api(error)) if error.is_passing() => Ok(is_old),
            Err(error) => Err(Trouble::of(planned.id.clone(), error)),
        }
    }
}
