//! [`BindTarget`]: the target volume is reserved for the claim's own name. Its `claimRef` is never empty, so no other claim can
//! take the volume in between.

use serde_json::{Value, json};

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look};
use crate::cluster::Kind;
use crate::plan::{End, marks, step::BindTarget};

impl BindTarget {
    async fn refer(&self, world: &World, volume: &Value, name: &str, uid: Value) -> Result<(), StepError> {
        let place = world.at(End::Target);
        let claim = json!({ "namespace": place.namespace, "name": name, "uid": uid, "resourceVersion": null });
        let patch = json!({ "metadata": facts::only(volume), "spec": { "claimRef": claim } });
        place.patch(&Kind::VOLUME, facts::name(volume), &patch).await?;
        Ok(())
    }
}

impl Act for BindTarget {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let (moved, place) = (world.claim(&self.slot)?, world.at(End::Target));
        let volume = look::known_target_volume(world, &self.slot).await?;
        if look::is_for_claim(&volume, place, &moved.claim) {
            return Ok(look::reserved(&volume));
        }
        if look::is_for_claim(&volume, place, &moved.target.claim) {
            return Ok(Standing::Before);
        }
        let (named, who) = (facts::claim_named(&volume), facts::last_writer(&volume));
        Ok(Standing::Adrift(format!("volume {} is reserved for claim `{named}`{who}", facts::name(&volume))))
    }

    /// Whatever its controller has heard of, it only has to be named for the staging claim again.
    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        let (moved, place) = (world.claim(&self.slot)?, world.at(End::Target));
        let volume = look::known_target_volume(world, &self.slot).await?;
        if look::is_for_claim(&volume, place, &moved.claim) {
            return Ok(Standing::done(format!("volume {} is reserved", facts::name(&volume))));
        }
        self.observe(world).await
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let (moved, place) = (world.claim(&self.slot)?, world.at(End::Target));
        let volume = look::known_target_volume(world, &self.slot).await?;
        if !look::is_for_claim(&volume, place, &moved.target.claim) {
            return Ok(());
        }
        self.refer(world, &volume, &moved.claim, Value::Null).await
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let (moved, place) = (world.claim(&self.slot)?, world.at(End::Target));
        let volume = look::known_target_volume(world, &self.slot).await?;
        if !look::is_for_claim(&volume, place, &moved.claim) {
            return Ok(());
        }
        // With the uid of a claim that is gone the volume counts as released, and is reclaimed when its policy says so.
        let uid = volume["metadata"]["annotations"][marks::STAGING_UID].clone();
        self.refer(world, &volume, &moved.target.claim, uid).await
    }
}
