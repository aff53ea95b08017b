//! [`ReleaseClaim`]: the claim's name is free; its volume stays, and comes back under that name when this is undone.

use serde_json::{Value, json};

use super::{Act, Standing, StepError, World, look};
use crate::cluster::{Delete, Kind};
use crate::plan::step::ReleaseClaim;

impl ReleaseClaim {
    /// What may still write to the volume, if anything: somebody may have started it since.
    async fn users(&self, world: &World) -> Result<Option<String>, StepError> {
        let users = look::running_on(world, &world.source, std::slice::from_ref(&self.name)).await?;
        Ok((!users.is_empty()).then(|| users.join(", ")))
    }

    async fn source_volume(&self, world: &World) -> Result<Value, StepError> {
        let found = world.source.get(&Kind::VOLUME, "", &self.volume).await?;
        let volume = found.ok_or_else(|| StepError::failed(format!("volume {} is gone", self.volume)))?;
        // Only a volume that this run pinned, or that nobody made since under that name.
        let is_it = look::is_source_of(&volume, world, &self.slot) || !self.volume_uid.is_empty() && look::uid(&volume) == self.volume_uid;
        if !is_it || look::text(&volume, "/spec/claimRef/namespace") != world.namespace {
            let named = look::claim_named(&volume);
            return Err(StepError::failed(format!("volume {} is not the one that was planned for (it names claim {named})", self.volume)));
        }
        Ok(volume)
    }
}

impl Act for ReleaseClaim {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let Some(claim) = world.source.get(&Kind::CLAIM, &self.namespace, &self.name).await? else {
            return Ok(Standing::done(format!("volume {} is kept", self.volume)));
        };
        if look::text(&claim, "/spec/volumeName") != self.volume {
            return Ok(Standing::Adrift(format!("claim {} was made anew on another volume{}", self.name, look::last_writer(&claim))));
        }
        if look::is_terminating(&claim) {
            return Ok(Standing::waiting_for(format!("claim {} to be gone", self.name)));
        }
        if look::text(&claim, "/status/phase") != "Bound" {
            return Ok(Standing::waiting_for(format!("claim {} to be bound to volume {}", self.name, self.volume)));
        }
        Ok(Standing::Before)
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        // Read again at the last moment: whoever set the volume back to Delete would have us delete the data.
        let volume = self.source_volume(world).await?;
        if look::reclaim_policy(&volume) != "Retain" {
            let who = look::last_writer(&volume);
            return Err(StepError::failed(format!("volume {} is on {} again{who}", self.volume, look::reclaim_policy(&volume))));
        }
        let target = look::known_target_volume(world, &self.slot).await?;
        if look::reclaim_policy(&target) != "Retain" {
            let who = look::last_writer(&target);
            return Err(StepError::failed(format!("volume {} is on {} again{who}", look::name(&target), look::reclaim_policy(&target))));
        }
        if let Some(users) = self.users(world).await? {
            return Err(StepError::failed(format!("{users} runs on claim {} again", self.name)));
        }
        let how = Delete { uid: Some(self.uid.clone()), ..Delete::default() };
        world.source.delete(&Kind::CLAIM, &self.namespace, &self.name, &how).await?;
        Ok(())
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let volume = self.source_volume(world).await?;
        let there = world.source.get(&Kind::CLAIM, &self.namespace, &self.name).await?;
        if there.is_some() {
            // A claim that was deleted while somebody started the app goes only when the app stops once more.
            return match self.users(world).await? {
                Some(users) => Err(StepError::hinted(
                    format!("claim {} is being deleted and {users} runs on it; its data is safe on volume {}", self.name, self.volume),
                    format!("kubectl scale {} --replicas=0 -n {}", self.app, self.namespace),
                )),
                None => Ok(()),
            };
        }
        let reference = &volume["spec"]["claimRef"];
        if reference["uid"].is_string() || look::text(reference, "/name") != self.name {
            // The claim it remembers is gone: reserve it for the one to come, by name.
            let claim = json!({ "namespace": self.namespace, "name": self.name, "uid": null, "resourceVersion": null });
            let patch = json!({ "metadata": look::only(&volume), "spec": { "claimRef": claim } });
            world.source.patch(&Kind::VOLUME, "", &self.volume, &patch).await?;
            return Ok(());
        }
        look::made(world.source.create(&Kind::CLAIM, &self.namespace, &self.manifest_before).await)
    }
}
