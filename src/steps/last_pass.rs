//! [`LastPass`]: what changed since the warm passes, and the proof. Its evidence is the receipt without which nothing is cut over.

use super::copy::{self, LOST_AFTER_IN_LAST_PASS, Pass};
use super::{Act, Standing, StepError, World};
use crate::journal::Evidence;
use crate::journal::event::Receipt;
use crate::mover::orders::{Report, VolumeReport};
use crate::plan::step::LastPass;

impl Act for LastPass {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        match copy::stand(world, &self.route, true).await? {
            Pass::Gone(pod) => Ok(Standing::Adrift(format!("mover pod {pod} was deleted by somebody"))),
            Pass::NotStarted(whom) | Pass::Unheard(whom) => Ok(copy::unheard(whom, LOST_AFTER_IN_LAST_PASS)),
            Pass::NotOrdered => Ok(Standing::Before),
            Pass::Ordered => Ok(copy::ordered(LOST_AFTER_IN_LAST_PASS)),
            Pass::Running(report) => Ok(copy::running("the last pass", report, LOST_AFTER_IN_LAST_PASS)),
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

impl LastPass {
    /// Compares what the two ends say of each volume; each made its own digest.
    fn proof(&self, source: &Report, target: &Report) -> Result<Standing, StepError> {
        let mut receipts = Vec::new();
        for volume in &self.route.volumes {
            let read = of(source, &volume.name).and_then(|report| Some((report, report.source_root.clone()?)));
            let written = of(target, &volume.name).and_then(|report| report.target_root.clone());
            let (Some((report, root)), Some(target_root)) = (read, written) else {
                return Err(StepError::failed(format!("the movers gave no proof for volume {}", volume.name)));
            };
            if root != target_root {
                let why = format!("the copy of volume {} is not the same: {root} at the source, {target_root} at the target", volume.name);
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
