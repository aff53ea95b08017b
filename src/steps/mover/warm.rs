//! [`WarmCopy`]: passes over the running app, until the last one is predicted to fit the time it may take.

use super::copy::{self, LOST_AFTER, Pass};
use crate::plan::step::WarmCopy;
use crate::steps::act::Act;
use crate::steps::failure::StepError;
use crate::steps::standing::Standing;
use crate::steps::world::World;

/// What the passes so far add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Another pass is worth its time.
    Again,
    /// The last pass fits.
    Fits,
    /// More passes would not make it fit; says why.
    WillNotFit(String),
}

/// A pass that predicts less than this fraction (in percent) below the one before has gained nothing.
const GAIN_PERCENT_MIN: u64 = 10;

/// Judges the predictions of all passes so far, oldest first, in milliseconds. Gives up when two passes in a row gained nothing, or
/// after `passes_max`. Fewer than one pass is never enough.
pub fn judge_passes(predictions: &[u64], last_pass_ms_max: u64, passes_max: u32) -> Verdict {
    let Some(&latest) = predictions.last() else { return Verdict::Again };
    if latest <= last_pass_ms_max {
        return Verdict::Fits;
    }
    let why = |reason: &str| Verdict::WillNotFit(format!("the last pass would take about {latest} ms of {last_pass_ms_max}, {reason}"));
    if predictions.len() >= passes_max as usize {
        return why(&format!("after {} passes", predictions.len()));
    }
    let gained = |pair: &[u64]| pair[1] * 100 < pair[0] * (100 - GAIN_PERCENT_MIN);
    let idle = predictions.windows(2).rev().take(2).filter(|pair| !gained(pair)).count();
    if idle == 2 { why("and more passes do not shorten it") } else { Verdict::Again }
}

impl Act for WarmCopy {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        match copy::stand(world, &self.route, false).await? {
            Pass::Gone(pod) => Ok(Standing::waiting_for(format!("mover pod {pod} to be made again"))),
            // Its driver refuses a second mount, and the user accepts that everything is copied after the drain.
            Pass::NotStarted(why) if world.accepts_whole_copy() => {
                Ok(Standing::done(format!("not copied while the app runs: waiting for {why}; that was accepted")))
            }
            Pass::NotStarted(why) => Ok(Standing::waiting_for(why)),
            Pass::Unheard(whom) => Ok(copy::unheard(whom, LOST_AFTER)),
            Pass::NotOrdered => Ok(Standing::Before),
            Pass::Ordered => Ok(copy::ordered(LOST_AFTER)),
            Pass::Running { report, .. } => Ok(copy::running("the copy", report, LOST_AFTER)),
            Pass::Done { .. } => self.judged(world).await,
        }
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        copy::order(world, &self.route, false).await
    }

    // What another mover did is not known to these, so that they would read everything anew.
    async fn is_known_to_movers(&self, world: &World) -> Result<bool, StepError> {
        Ok(match copy::stand(world, &self.route, false).await? {
            Pass::Done { .. } | Pass::Unheard(_) => true,
            Pass::NotStarted(_) => world.accepts_whole_copy(),
            Pass::Gone(_) | Pass::NotOrdered | Pass::Ordered | Pass::Running { .. } => false,
        })
    }

    async fn remind(&self, world: &World) -> Result<(), StepError> {
        copy::remind(world, &self.route).await
    }
}

/// Whether the user accepts that a last pass takes as long as this.
fn is_accepted(world: &World, predicted_ms: Option<&u64>) -> bool {
    world.accepted_outage_ms.is_some_and(|accepted| predicted_ms.is_some_and(|predicted| *predicted <= accepted))
}

impl WarmCopy {
    async fn judged(&self, world: &World) -> Result<Standing, StepError> {
        let passes = copy::passes(world, &self.route).await?;
        let done = |words: &str| Ok(Standing::done(format!("{} passes; {words}", passes.len())));
        match judge_passes(&passes, self.last_pass_ms_max, self.passes_max) {
            Verdict::Again => Ok(Standing::Before),
            Verdict::Fits => done(&format!("the last one is predicted to take {} ms", passes.last().unwrap_or(&0))),
            Verdict::WillNotFit(why) if is_accepted(world, passes.last()) => done(&format!("{why}; that was accepted")),
            Verdict::WillNotFit(why) => {
                let why = format!("the app is not stopped, because the outage would be longer than was asked for: {why}");
                Err(StepError::wants_consent(why, world.consent(passes.last().copied().unwrap_or(0))))
            }
        }
    }
}
