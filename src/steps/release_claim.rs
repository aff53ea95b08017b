//! [`ReleaseClaim`]: the claim's name is free; its volume stays, and comes back under that name when this is undone.

use serde_json::{Value, json};

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{clear_pods, facts, look};
use crate::cluster::{Delete, Kind};
use crate::plan::End;
use crate::plan::finalizers;
use crate::plan::step::ReleaseClaim;

impl ReleaseClaim {
    /// What may still write to the volume, if anything: somebody may have started it since.
    async fn users(&self, world: &World) -> Result<Option<String>, StepError> {
        let moved = world.claim(&self.slot)?;
        let users = look::running_on(world, world.at(End::Source), std::slice::from_ref(&moved.claim)).await?;
        Ok((!users.is_empty()).then(|| users.join(", ")))
    }

    /// A pod of the app that is over and still names the claim, to be deleted first. Somebody else's is not ours to delete.
    async fn occupant(&self, world: &World) -> Result<Option<Value>, StepError> {
        let moved = world.claim(&self.slot)?;
        let pods = look::pods_on(world, world.at(End::Source), std::slice::from_ref(&moved.claim)).await?;
        // One that somebody's controller holds would hold the claim.
        for pod in &pods {
            look::goes(pod, &finalizers::OF_PODS, &world.at(End::Source).namespace)?;
        }
        let Some(pod) = pods.into_iter().find(|pod| facts::is_over(pod) && !facts::is_terminating(pod)) else { return Ok(None) };
        if facts::is_of_app(&pod, world.app.kind, &world.app.name) {
            return Ok(Some(pod));
        }
        let name = facts::name(&pod);
        let why = format!("pod {name}{} names claim {} and would keep it from going", facts::over(&pod), moved.claim);
        Err(StepError::hinted(why, format!("kubectl delete pod {name} -n {}", world.at(End::Source).namespace)))
    }

    async fn source_volume(&self, world: &World) -> Result<Value, StepError> {
        let moved = world.claim(&self.slot)?;
        let found = world.at(End::Source).get(&Kind::VOLUME, &moved.source.volume).await?;
        let volume = found.ok_or_else(|| StepError::failed(format!("volume {} is gone", moved.source.volume)))?;
        // Only a volume that this run pinned, or that nobody made since under that name.
        let is_it = look::is_source_of(&volume, world, &self.slot) || facts::uid(&volume) == moved.source.volume_uid;
        if !is_it || facts::text(&volume, "/spec/claimRef/namespace") != world.at(End::Source).namespace {
            let named = facts::claim_named(&volume);
            return Err(StepError::failed(format!(
                "volume {} is not the one that was planned for (it names claim {named})",
                moved.source.volume
            )));
        }
        Ok(volume)
    }
}

impl Act for ReleaseClaim {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let moved = world.claim(&self.slot)?;
        let Some(claim) = world.at(End::Source).get(&Kind::CLAIM, &moved.claim).await? else {
            return Ok(Standing::done(format!("volume {} is kept", moved.source.volume)));
        };
        if facts::text(&claim, "/spec/volumeName") != moved.source.volume {
            return Ok(Standing::Adrift(format!("claim {} was made anew on another volume{}", moved.claim, facts::last_writer(&claim))));
        }
        if facts::is_terminating(&claim) {
            let by = look::what_holds_claim(world.at(End::Source), &claim).await?;
            return Ok(Standing::waiting_for(format!("claim {} to be gone{by}", moved.claim)));
        }
        if facts::text(&claim, "/status/phase") != "Bound" {
            return Ok(Standing::waiting_for(format!("claim {} to be bound to volume {}", moved.claim, moved.source.volume)));
        }
        Ok(Standing::Before)
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let moved = world.claim(&self.slot)?;
        // Read again at the last moment: whoever set the volume back to Delete would have us delete the data.
        let volume = self.source_volume(world).await?;
        if facts::reclaim_policy(&volume) != "Retain" {
            let who = facts::last_writer(&volume);
            return Err(StepError::failed(format!("volume {} is on {} again{who}", moved.source.volume, facts::reclaim_policy(&volume))));
        }
        let target = look::known_target_volume(world, &self.slot).await?;
        if facts::reclaim_policy(&target) != "Retain" {
            let who = facts::last_writer(&target);
            return Err(StepError::failed(format!("volume {} is on {} again{who}", facts::name(&target), facts::reclaim_policy(&target))));
        }
        if let Some(users) = self.users(world).await? {
            return Err(StepError::failed(format!("{users} runs on claim {} again", moved.claim)));
        }
        // A deletion cannot be called off: what would keep the claim is looked for before.
        if let Some(pod) = self.occupant(world).await? {
            return clear_pods::delete(world, &pod).await;
        }
        if let Some(claim) = world.at(End::Source).get(&Kind::CLAIM, &moved.claim).await? {
            look::goes(&claim, &finalizers::OF_CLAIMS, &world.at(End::Source).namespace)?;
        }
        let how = Delete { uid: Some(moved.source.uid.clone()), ..Delete::default() };
        world.at(End::Source).delete(&Kind::CLAIM, &moved.claim, &how).await?;
        Ok(())
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let moved = world.claim(&self.slot)?;
        let volume = self.source_volume(world).await?;
        let there = world.at(End::Source).get(&Kind::CLAIM, &moved.claim).await?;
        if there.is_some() {
            // A claim that was deleted while somebody started the app goes only when the app stops once more.
            return match self.users(world).await? {
                Some(users) => Err(StepError::hinted(
                    format!(
                        "claim {} is being deleted and {users} runs on it; its data is safe on volume {}",
                        moved.claim, moved.source.volume
                    ),
                    format!("kubectl scale {} --replicas=0 -n {}", world.app.reference(), world.at(End::Source).namespace),
                )),
                // What is over keeps it from going all the same.
                None => match self.occupant(world).await? {
                    Some(pod) => clear_pods::delete(world, &pod).await,
                    None => Ok(()),
                },
            };
        }
        let reference = &volume["spec"]["claimRef"];
        if reference["uid"].is_string() || facts::text(reference, "/name") != moved.claim {
            // The claim it remembers is gone: reserve it for the one to come, by name.
            let claim = json!({ "namespace": world.at(End::Source).namespace, "name": moved.claim, "uid": null, "resourceVersion": null });
            let patch = json!({ "metadata": facts::only(&volume), "spec": { "claimRef": claim } });
            world.at(End::Source).patch(&Kind::VOLUME, &moved.source.volume, &patch).await?;
            return Ok(());
        }
        if !facts::is_free(&volume) {
            return Ok(());
        }
        look::made(world.at(End::Source).create(&Kind::CLAIM, &self.manifest_before).await)
    }
}
