//! [`ReopenVolume`]: takes a kept volume back into use, for one staging claim only.

use serde_json::{Value, json};

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look};
use crate::cluster::Kind;
use crate::plan::{ClaimMove, End, KeptEnd, marks, step::ReopenVolume};

impl ReopenVolume {
    /// The claim that goes back, and the volume that was kept of it.
    fn ends<'w>(&self, world: &'w World) -> Result<(&'w ClaimMove, &'w KeptEnd), StepError> {
        let moved = world.claim(&self.slot)?;
        let kept = moved.target.kept.as_ref();
        Ok((moved, kept.ok_or_else(|| StepError::failed(format!("no volume was kept of claim {}", moved.claim)))?))
    }

    async fn volume(&self, world: &World) -> Result<Value, StepError> {
        let name = &self.ends(world)?.1.volume;
        let found = world.at(End::Target).get(&Kind::VOLUME, name).await?;
        found.ok_or_else(|| StepError::failed(format!("the kept volume {name} is gone")))
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
        let (volume, (_, kept)) = (self.volume(world).await?, self.ends(world)?);
        if facts::uid(&volume) != kept.volume_uid {
            return Ok(Standing::Adrift(format!("volume {} is another one than was planned for", kept.volume)));
        }
        if look::is_volume_of_run(&volume, world) {
            return Ok(look::reserved(&volume));
        }
        if !self.is_as_kept(&volume) {
            let (named, who) = (facts::claim_named(&volume), facts::last_writer(&volume));
            return Ok(Standing::Adrift(format!("volume {} is not kept as it was: it is used by claim {named}{who}", kept.volume)));
        }
        Ok(Standing::Before)
    }

    /// What still names our staging claim is ours to give back, even if somebody took our labels off.
    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        let (volume, (moved, kept)) = (self.volume(world).await?, self.ends(world)?);
        let names = |field, wanted: &str| facts::text(&volume, field) == wanted;
        if names("/spec/claimRef/name", &moved.target.claim) && names("/spec/claimRef/namespace", &world.at(End::Target).namespace) {
            return Ok(Standing::done(format!("volume {} is reserved", kept.volume)));
        }
        self.observe(world).await
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let (volume, (moved, kept)) = (self.volume(world).await?, self.ends(world)?);
        if facts::uid(&volume) != kept.volume_uid || !self.is_as_kept(&volume) {
            return Ok(());
        }
        let mut metadata = facts::only(&volume);
        metadata["labels"] = marks::of_volume(&world.namespace, &world.run, marks::ROLE_TARGET, &self.slot.0);
        metadata["annotations"] = look::target_annotations(world, moved);
        // A name without a uid: only a claim of that name can take it, and it need not exist yet.
        let claim =
            json!({ "namespace": world.at(End::Target).namespace, "name": moved.target.claim, "uid": null, "resourceVersion": null });
        let patch = json!({ "metadata": metadata, "spec": { "claimRef": claim, "persistentVolumeReclaimPolicy": "Retain" } });
        world.at(End::Target).patch(&Kind::VOLUME, &kept.volume, &patch).await?;
        Ok(())
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let (volume, (moved, kept)) = (self.volume(world).await?, self.ends(world)?);
        if facts::uid(&volume) != kept.volume_uid || !look::is_for_claim(&volume, world.at(End::Target), &moved.target.claim) {
            return Err(StepError::failed(format!("volume {} names claim {} by now", kept.volume, facts::claim_named(&volume))));
        }
        let mut metadata = facts::only(&volume);
        metadata["labels"] = self.labels_before.clone();
        metadata["annotations"] = json!({ marks::TARGET_OF: null, marks::TARGET_PLAN: null });
        let patch = json!({ "metadata": metadata, "spec": { "claimRef": self.claim_ref_before } });
        world.at(End::Target).patch(&Kind::VOLUME, &kept.volume, &patch).await?;
        Ok(())
    }
}
