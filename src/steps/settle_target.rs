//! [`SettleTarget`]: the target volume is the app's: the reclaim policy it would have had, and no labels of ours.

use serde_json::{Value, json};

use super::{Act, Standing, StepError, World, look};
use crate::cluster::Kind;
use crate::plan::{marks, step::SettleTarget};

impl SettleTarget {
    async fn volume(&self, world: &World) -> Result<Value, StepError> {
        let claim = world.target.get(&Kind::CLAIM, &self.namespace, &self.claim).await?.unwrap_or_default();
        let name = look::text(&claim, "/spec/volumeName");
        let found = if name.is_empty() { None } else { world.target.get(&Kind::VOLUME, "", name).await? };
        found.ok_or_else(|| StepError::failed(format!("claim {} has no volume", self.claim)))
    }
}

impl Act for SettleTarget {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let volume = self.volume(world).await?;
        let proven = look::target_volume(world, &self.slot).await?;
        if proven.as_ref().is_some_and(|proven| look::name(proven) != look::name(&volume)) {
            let what = format!("claim {} is on volume {}", self.claim, look::name(&volume));
            let proven = proven.as_ref().map(look::name).unwrap_or_default();
            return Ok(Standing::Adrift(format!("{what}, not on the proven volume {proven}, which is kept{}", look::last_writer(&volume))));
        }
        // What bears no mark of this run is not ours to change, whatever its policy is.
        let settled = !look::is_target_of(&volume, world, &self.slot);
        Ok(if settled { Standing::done(format!("volume {} is the app's", look::name(&volume))) } else { Standing::Before })
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let volume = self.volume(world).await?;
        if !look::is_target_of(&volume, world, &self.slot) || !look::is_for_claim(&volume, world, &self.claim) {
            let named = look::claim_named(&volume);
            return Err(StepError::failed(format!(
                "volume {} is not the target of claim {} (it names {named})",
                look::name(&volume),
                self.claim
            )));
        }
        // A volume that was there before keeps what its owner said of it.
        let policy = volume["metadata"]["annotations"][marks::POLICY_BEFORE].as_str().unwrap_or(&self.policy);
        let mut metadata = look::only(&volume);
        metadata["labels"] = marks::off_volume();
        metadata["annotations"] = marks::off_target();
        let patch = json!({ "metadata": metadata, "spec": { "persistentVolumeReclaimPolicy": policy } });
        world.target.patch(&Kind::VOLUME, "", look::name(&volume), &patch).await?;
        Ok(())
    }
}
