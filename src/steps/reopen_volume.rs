//! [`ReopenVolume`]: takes a kept volume back into use, for one staging claim only.

use serde_json::{Value, json};

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look};
use crate::cluster::Kind;
use crate::plan::{End, marks, step::ReopenVolume};

impl ReopenVolume {
    async fn volume(&self, world: &World) -> Result<Value, StepError> {
        let found = world.at(End::Target).get(&Kind::VOLUME, &self.volume).await?;
        found.ok_or_else(|| StepError::failed(format!("the kept volume {} is gone", self.volume)))
    }

    /// Whether a volume is still as the earlier run left it: its marks, the claim it names, and not bound.
    fn is_as_kept(&self, volume: &Value) -> bool {
        let reference = &volume["spec"]["claimRef"];
        let same = |field: &str| reference[field] == self.claim_ref_before[field];
        let marked = self.labels_before.as_object().is_some_and(|labels| labels.iter().all(|(key, value)| label_is(volume, key, value)));
        marked && same("namespace") && same("name") && same("uid") && facts::text(volume, "/status/phase") != "Bound"
    }
}

fn label_is(volume: &Value, key: &str, value: &Value) -> bool {
    volume["metadata"]["labels"][key] == *value
}

impl Act for ReopenVolume {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let volume = self.volume(world).await?;
        if facts::uid(&volume) != self.volume_uid {
            return Ok(Standing::Adrift(format!("volume {} is another one than was planned for", self.volume)));
        }
        if look::is_volume_of_run(&volume, world) {
            return Ok(look::reserved(&volume));
        }
        if !self.is_as_kept(&volume) {
            let (named, who) = (facts::claim_named(&volume), facts::last_writer(&volume));
            return Ok(Standing::Adrift(format!("volume {} is not kept as it was: it is used by claim {named}{who}", self.volume)));
        }
        Ok(Standing::Before)
    }

    /// What still names our staging claim is ours to give back, even if somebody took our labels off.
    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        let volume = self.volume(world).await?;
        let names = |field, wanted: &str| facts::text(&volume, field) == wanted;
        if names("/spec/claimRef/name", &self.staging) && names("/spec/claimRef/namespace", &self.namespace) {
            return Ok(Standing::done(format!("volume {} is reserved", self.volume)));
        }
        self.observe(world).await
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let volume = self.volume(world).await?;
        if facts::uid(&volume) != self.volume_uid || !self.is_as_kept(&volume) {
            return Ok(());
        }
        let mut metadata = facts::only(&volume);
        metadata["labels"] = marks::of_volume(&world.namespace, &world.run, marks::ROLE_TARGET, &self.slot);
        metadata["annotations"] = look::target_annotations(world, &self.slot, &self.claim);
        // A name without a uid: only a claim of that name can take it, and it need not exist yet.
        let claim = json!({ "namespace": self.namespace, "name": self.staging, "uid": null, "resourceVersion": null });
        let patch = json!({ "metadata": metadata, "spec": { "claimRef": claim, "persistentVolumeReclaimPolicy": "Retain" } });
        world.at(End::Target).patch(&Kind::VOLUME, &self.volume, &patch).await?;
        Ok(())
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let volume = self.volume(world).await?;
        if facts::uid(&volume) != self.volume_uid || !look::is_for_claim(&volume, world, &self.staging) {
            return Err(StepError::failed(format!("volume {} names claim {} by now", self.volume, facts::claim_named(&volume))));
        }
        let mut metadata = facts::only(&volume);
        metadata["labels"] = self.labels_before.clone();
        metadata["annotations"] = json!({ marks::TARGET_OF: null, marks::TARGET_PLAN: null });
        let patch = json!({ "metadata": metadata, "spec": { "claimRef": self.claim_ref_before } });
        world.at(End::Target).patch(&Kind::VOLUME, &self.volume, &patch).await?;
        Ok(())
    }
}
