//! [`SettleTarget`]: the target volume is the app's: the reclaim policy it would have had, and no labels of ours.

use serde_json::{Value, json};

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look};
use crate::cluster::Kind;
use crate::plan::{End, marks, step::SettleTarget};

impl SettleTarget {
    async fn volume(&self, world: &World) -> Result<Value, StepError> {
        let moved = world.claim(&self.slot)?;
        let claim = world.at(End::Target).get(&Kind::CLAIM, &moved.claim).await?.unwrap_or_default();
        let name = facts::text(&claim, "/spec/volumeName");
        let found = if name.is_empty() { None } else { world.at(End::Target).get(&Kind::VOLUME, name).await? };
        found.ok_or_else(|| StepError::failed(format!("claim {} has no volume", moved.claim)))
    }
}

impl Act for SettleTarget {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let moved = world.claim(&self.slot)?;
        let volume = self.volume(world).await?;
        let proven = look::target_volume(world, &self.slot).await?;
        if proven.as_ref().is_some_and(|proven| facts::name(proven) != facts::name(&volume)) {
            let what = format!("claim {} is on volume {}", moved.claim, facts::name(&volume));
            let proven = proven.as_ref().map(facts::name).unwrap_or_default();
            return Ok(Standing::Adrift(format!(
                "{what}, not on the proven volume {proven}, which is kept{}",
                facts::last_writer(&volume)
            )));
        }
        // What bears no mark of this run is not ours to change, whatever its policy is.
        let settled = !look::is_target_of(&volume, world, &self.slot);
        Ok(if settled { Standing::done(format!("volume {} is the app's", facts::name(&volume))) } else { Standing::Before })
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let moved = world.claim(&self.slot)?;
        let volume = self.volume(world).await?;
        if !look::is_target_of(&volume, world, &self.slot) || !look::is_for_claim(&volume, world.at(End::Target), &moved.claim) {
            let named = facts::claim_named(&volume);
            return Err(StepError::failed(format!(
                "volume {} is not the target of claim {} (it names {named})",
                facts::name(&volume),
                moved.claim
            )));
        }
        // A volume that was there before keeps what its owner said of it.
        let policy = volume["metadata"]["annotations"][marks::POLICY_BEFORE].as_str().unwrap_or(&self.policy);
        let mut metadata = facts::only(&volume);
        metadata["labels"] = marks::off_volume();
        metadata["annotations"] = marks::off_target();
        let patch = json!({ "metadata": metadata, "spec": { "persistentVolumeReclaimPolicy": policy } });
        world.at(End::Target).patch(&Kind::VOLUME, facts::name(&volume), &patch).await?;
        Ok(())
    }
}
