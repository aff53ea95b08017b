//! [`LastPass`]: what changed since the warm passes, and the proof. Its evidence is the receipt without which nothing is cut over.

use super::copy::{self, LOST_AFTER_IN_LAST_PASS, Pass};
use crate::contract::orders::{Report, VolumeReport};
use crate::journal::Evidence;
use crate::journal::event::Receipt;
use crate::plan::{Slot, step::LastPass};
use crate::steps::act::Act;
use crate::steps::attachments;
use crate::steps::failure::StepError;
use crate::steps::standing::Standing;
use crate::steps::world::World;

impl Act for LastPass {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        match copy::stand(world, &self.route, true).await? {
            Pass::Gone(pod) => Ok(Standing::Adrift(format!("mover pod {pod} was deleted by somebody"))),
            Pass::NotStarted(whom) | Pass::Unheard(whom) => Ok(copy::unheard(whom, LOST_AFTER_IN_LAST_PASS)),
            Pass::NotOrdered => attachments::before_last_pass(world, &world.claims_in(&self.route.slots)).await,
            Pass::Ordered => Ok(copy::ordered(LOST_AFTER_IN_LAST_PASS)),
            Pass::Running { report, predicted_ms } => {
                self.is_in_time(world, &report, predicted_ms)?;
                Ok(copy::running("the last pass", report, LOST_AFTER_IN_LAST_PASS))
            }
            Pass::Done { source, target } => self.proof(&source, target.as_ref().unwrap_or(&source)),
        }
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        copy::order(world, &self.route, true).await
    }

    async fn remind(&self, world: &World) -> Result<(), StepError> {
        copy::remind(world, &self.route).await
    }
}

/// A last pass is given up that takes so many times as long as was predicted, and at least so long. By then what was predicted is not what is
/// happening, and the app waits.
const OUTGROWN: u64 = 10;
const GIVEN_UP_MS_MIN: u64 = 60_000;

/// How long a last pass may take, in milliseconds: what the user accepts, or else by the prediction; none: as long as a copy may.
fn longest_ms(predicted_ms: Option<u64>, accepted_ms: Option<u64>) -> Option<u64> {
    let by_prediction = predicted_ms.map(|predicted| predicted.saturating_mul(OUTGROWN).max(GIVEN_UP_MS_MIN));
    accepted_ms.or(by_prediction)
}

impl LastPass {
    /// Gives up a last pass that has outgrown what was predicted.
    fn is_in_time(&self, world: &World, report: &Report, predicted_ms: Option<u64>) -> Result<(), StepError> {
        // They share the machine, as in what was predicted of all of them.
        let taken_ms = report.volumes.iter().map(|volume| volume.elapsed_ms).fold(0, u64::saturating_add);
        let Some(longest_ms) = longest_ms(predicted_ms, world.accepted_outage_ms).filter(|longest| taken_ms > *longest) else {
            return Ok(());
        };
        let predicted = predicted_ms.map(|ms| format!("; it was predicted to take {} s", ms.div_ceil(1000))).unwrap_or_default();
        let (claims, taken, longest) = (world.claims_in(&self.route.slots).join(", "), taken_ms / 1000, longest_ms / 1000);
        let why = format!("the last pass over {claims} has taken {taken} s and may take {longest} s{predicted}: it is given up");
        let minutes = taken_ms.saturating_mul(2).div_ceil(60_000);
        Err(StepError::wants_consent(why, format!("move at a quieter time, or plan again with `--accept-outage {minutes}m`")))
    }

    /// Compares what the two ends say of each volume; each made its own digest.
    fn proof(&self, source: &Report, target: &Report) -> Result<Standing, StepError> {
        let mut receipts = Vec::new();
        for Slot(slot) in &self.route.slots {
            let read = of(source, slot).and_then(|report| Some((report, report.source_root.clone()?)));
            let written = of(target, slot).and_then(|report| report.target_root.clone());
            let (Some((report, root)), Some(target_root)) = (read, written) else {
                return Err(StepError::failed(format!("the movers gave no proof for volume {slot}")));
            };
            if root != target_root {
                let why = format!("the copy of volume {slot} is not the same: {root} at the source, {target_root} at the target");
                return Err(StepError::failed(why));
            }
            receipts.push(receipt(report, root));
        }
        Ok(Standing::After(Evidence { note: "both sides are the same".to_owned(), receipts, pod: None }))
    }
}

fn of<'a>(report: &'a Report, volume: &str) -> Option<&'a VolumeReport> {
    report.volumes.iter().find(|one| one.name == volume)
}

fn receipt(report: &VolumeReport, root: String) -> Receipt {
    let VolumeReport { name, entries, bytes, bytes_changed, .. } = report.clone();
    Receipt { slot: name, entries, bytes, bytes_changed, root }
}

#[cfg(test)]
mod tests {
    use super::longest_ms;

    #[test]
    fn a_last_pass_has_a_bound_that_goes_by_its_prediction() {
        assert_eq!(longest_ms(Some(2_000), None), Some(60_000));
        assert_eq!(longest_ms(Some(20_000), None), Some(200_000));
        assert_eq!(longest_ms(Some(20_000), Some(1_800_000)), Some(1_800_000));
        assert_eq!(longest_ms(Some(1_680_000), Some(1_800_000)), Some(1_800_000), "no longer than was accepted");
        assert_eq!(longest_ms(None, Some(1_000)), Some(1_000), "a cold copy takes what was accepted");
        assert_eq!(longest_ms(None, None), None);
    }
}
