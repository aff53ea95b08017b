//! [`ReopenVolume`]: takes a kept volume back into use, for one staging claim only.

use serde_json::{Value, json};

use super::{Act, Standing, StepError, World, look};
use crate::cluster::Kind;
use crate::plan::{marks, step::ReopenVolume};

impl ReopenVolume {
    async fn volume(&self, world: &World) -> Result<Value, StepError> {
        let found = world.target.get(&Kind::VOLUME, "", &self.volume).await?;
        found.ok_or_else(|| StepError::failed(format!("the kept volume {} is gone", self.volume)))
    }
}

impl Act for ReopenVolume {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let volume = self.volume(world).await?;
        if look::uid(&volume) != self.volume_uid {
            return Ok(Standing::Adrift(format!("volume {} is another one than was planned for", self.volume)));
        }
        if look::is_volume_of_run(&volume, world) {
            return Ok(Standing::done(format!("volume {} is reserved", self.volume)));
        }
        let claim = look::text(&volume, "/spec/claimRef/name");
        if claim != look::text(&self.claim_ref_before, "/name") || look::text(&volume, "/status/phase") == "Bound" {
            return Ok(Standing::Adrift(format!("volume {} is used by claim {claim}{}", self.volume, look::last_writer(&volume))));
        }
        Ok(Standing::Before)
    }

    /// What still names our staging claim is ours to give back, even if somebody took our labels off.
    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        let volume = self.volume(world).await?;
        let names = |field, wanted: &str| look::text(&volume, field) == wanted;
        if names("/spec/claimRef/name", &self.staging) && names("/spec/claimRef/namespace", &self.namespace) {
            return Ok(Standing::done(format!("volume {} is reserved", self.volume)));
        }
        self.observe(world).await
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let volume = self.volume(world).await?;
        let mut metadata = look::only(&volume);
        metadata["labels"] = marks::of_volume(&world.namespace, &world.run, marks::ROLE_TARGET, &self.slot);
        metadata["annotations"] = json!({ marks::CLAIM: self.claim, marks::TARGET_OF: look::target_of(world, &self.slot) });
        // A name without a uid: only a claim of that name can take it, and it need not exist yet.
        let claim = json!({ "namespace": self.namespace, "name": self.staging, "uid": null, "resourceVersion": null });
        let patch = json!({ "metadata": metadata, "spec": { "claimRef": claim, "persistentVolumeReclaimPolicy": "Retain" } });
        world.target.patch(&Kind::VOLUME, "", &self.volume, &patch).await?;
        Ok(())
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let volume = self.volume(world).await?;
        let mut metadata = look::only(&volume);
        metadata["labels"] = self.labels_before.clone();
        metadata["annotations"] = json!({ marks::TARGET_OF: null });
        let patch = json!({ "metadata": metadata, "spec": { "claimRef": self.claim_ref_before } });
        world.target.patch(&Kind::VOLUME, "", &self.volume, &patch).await?;
        Ok(())
    }
}
