//! [`PinReclaim`]: `Retain` on a source volume, before anything could delete its claim.

use serde_json::json;

use super::{Act, Standing, StepError, World, look};
use crate::cluster::Kind;
use crate::plan::{marks, step::PinReclaim};

impl PinReclaim {
    async fn volume(&self, world: &World) -> Result<serde_json::Value, StepError> {
        let found = world.source.get(&Kind::VOLUME, "", &self.volume).await?;
        found.ok_or_else(|| StepError::failed(format!("volume {} is gone", self.volume)))
    }
}

impl Act for PinReclaim {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let volume = self.volume(world).await?;
        if look::uid(&volume) != self.volume_uid {
            return Ok(Standing::Adrift(format!("volume {} is another one than was planned for", self.volume)));
        }
        if !look::is_of_run(&volume, world) {
            return Ok(Standing::Before);
        }
        if look::reclaim_policy(&volume) != "Retain" {
            let who = look::last_writer(&volume);
            return Ok(Standing::Adrift(format!("volume {} was set back to {}{who}", self.volume, look::reclaim_policy(&volume))));
        }
        Ok(Standing::done(format!("volume {} is on Retain", self.volume)))
    }

    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        let volume = self.volume(world).await?;
        // Whatever its policy is by now, our labels go last.
        Ok(if look::is_of_run(&volume, world) { Standing::done("labelled") } else { Standing::Before })
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let patch = json!({
            "metadata": { "uid": self.volume_uid,
                "labels": { marks::RUN: world.run, marks::ROLE: marks::ROLE_SOURCE, marks::SLOT: self.slot },
                "annotations": { marks::CLAIM: self.claim } },
            "spec": { "persistentVolumeReclaimPolicy": "Retain" },
        });
        world.source.patch(&Kind::VOLUME, "", &self.volume, &patch).await?;
        Ok(())
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let volume = self.volume(world).await?;
        // A released volume that is set to Delete is deleted at once, with all data.
        if look::text(&volume, "/status/phase") != "Bound" {
            return Err(StepError::failed(format!("volume {} is not bound to its claim, so it stays on Retain", self.volume)));
        }
        let mut metadata = look::only(&volume);
        metadata["labels"] = self.labels_before.clone();
        metadata["annotations"] = json!({ marks::CLAIM: null });
        let patch = json!({ "metadata": metadata, "spec": { "persistentVolumeReclaimPolicy": self.policy_before } });
        world.source.patch(&Kind::VOLUME, "", &self.volume, &patch).await?;
        Ok(())
    }
}
