//! [`PinTarget`]: `Retain` and our labels on the volume a staging claim got. From then on the volume is found by its labels.

use serde_json::{Value, json};

use super::{Act, Standing, StepError, World, look};
use crate::cluster::Kind;
use crate::plan::{marks, step::PinTarget};

impl PinTarget {
    /// The staging claim's volume: by our labels, or through the claim while it has none.
    async fn volume(&self, world: &World) -> Result<Option<(Value, Option<String>)>, StepError> {
        if let Some(volume) = look::target_volume(world, &self.slot).await? {
            return Ok(Some((volume, None)));
        }
        let Some(claim) = world.target.get(&Kind::CLAIM, &self.namespace, &self.staging).await? else { return Ok(None) };
        let name = look::text(&claim, "/spec/volumeName");
        if name.is_empty() || look::text(&claim, "/status/phase") != "Bound" {
            return Ok(None);
        }
        let volume = world.target.get(&Kind::VOLUME, "", name).await?;
        Ok(volume.map(|volume| (volume, Some(look::uid(&claim).to_owned()))))
    }

    /// The same, whatever somebody has done to its labels.
    async fn any_volume(&self, world: &World) -> Result<Option<Value>, StepError> {
        match self.volume(world).await? {
            Some((volume, _)) => Ok(Some(volume)),
            None => look::unlabelled_target_volume(world, &self.slot).await,
        }
    }
}

impl Act for PinTarget {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let Some((volume, _)) = self.volume(world).await? else { return Ok(Standing::Before) };
        if look::is_terminating(&volume) {
            return Ok(Standing::Adrift(format!("volume {} is being deleted{}", look::name(&volume), look::last_writer(&volume))));
        }
        let pinned = look::is_volume_of_run(&volume, world) && look::reclaim_policy(&volume) == "Retain";
        Ok(if pinned { Standing::done(format!("volume {} is on Retain", look::name(&volume))) } else { Standing::Before })
    }

    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        let volume = self.any_volume(world).await?;
        let kept = volume.is_some_and(|volume| look::reclaim_policy(&volume) == "Retain");
        Ok(if kept { Standing::done("kept") } else { Standing::Before })
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        // While the claim is not bound there is nothing to pin: look again later.
        let Some((volume, staging_uid)) = self.volume(world).await? else { return Ok(()) };
        let mut metadata = look::only(&volume);
        metadata["labels"] = marks::of_volume(&world.namespace, &world.run, marks::ROLE_TARGET, &self.slot);
        metadata["annotations"] = json!({ marks::CLAIM: self.claim, marks::TARGET_OF: look::target_of(world, &self.slot) });
        if let Some(uid) = staging_uid {
            metadata["annotations"][marks::STAGING_UID] = json!(uid);
        }
        let patch = json!({ "metadata": metadata, "spec": { "persistentVolumeReclaimPolicy": "Retain" } });
        world.target.patch(&Kind::VOLUME, "", look::name(&volume), &patch).await?;
        Ok(())
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let Some(volume) = self.any_volume(world).await? else { return Ok(()) };
        if look::text(&volume, "/spec/claimRef/name") != self.staging {
            return Err(StepError::failed(format!("volume {} is reserved for another claim, so it stays on Retain", look::name(&volume))));
        }
        // The copy is ours alone and the app is back on its source: let it go with the staging claim.
        let patch = json!({ "metadata": look::only(&volume), "spec": { "persistentVolumeReclaimPolicy": "Delete" } });
        world.target.patch(&Kind::VOLUME, "", look::name(&volume), &patch).await?;
        Ok(())
    }
}
