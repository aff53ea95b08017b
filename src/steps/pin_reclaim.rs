//! [`PinReclaim`]: `Retain` on a source volume, before anything could delete its claim.

use serde_json::json;

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look};
use crate::cluster::Kind;
use crate::plan::{End, marks, step::PinReclaim};

impl PinReclaim {
    async fn volume(&self, world: &World) -> Result<serde_json::Value, StepError> {
        let name = &world.claim(&self.slot)?.source.volume;
        let found = world.at(End::Source).get(&Kind::VOLUME, name).await?;
        found.ok_or_else(|| StepError::failed(format!("volume {name} is gone")))
    }

    /// Whether the claim is gone, or waits only for its pod to let go of it.
    async fn is_claim_leaving(&self, world: &World) -> Result<bool, StepError> {
        let claim = world.at(End::Source).get(&Kind::CLAIM, &world.claim(&self.slot)?.claim).await?;
        Ok(claim.is_none_or(|claim| facts::is_terminating(&claim)))
    }
}

impl Act for PinReclaim {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let moved = world.claim(&self.slot)?;
        let (volume, claim) = (self.volume(world).await?, world.full_name(End::Source, &moved.claim));
        if facts::uid(&volume) != moved.source.volume_uid {
            return Ok(Standing::Adrift(format!("volume {} is another one than was planned for", moved.source.volume)));
        }
        if facts::is_terminating(&volume) {
            return Ok(Standing::Adrift(format!("volume {} is being deleted{}", moved.source.volume, facts::last_writer(&volume))));
        }
        if facts::claim_named(&volume) != claim {
            let (named, who) = (facts::claim_named(&volume), facts::last_writer(&volume));
            return Ok(Standing::Adrift(format!("volume {} names claim {named}, not {}{who}", moved.source.volume, claim)));
        }
        if self.is_claim_leaving(world).await? {
            return Ok(Standing::Adrift(format!("claim {} was deleted by somebody", claim)));
        }
        if !look::is_volume_of_run(&volume, world) {
            // A run that is not over pinned it meanwhile. (As a target a volume may still bear the marks of a run that is gone back from.)
            if facts::label(&volume, marks::ROLE) == marks::ROLE_SOURCE {
                let run = facts::label(&volume, marks::RUN);
                return Ok(Standing::Adrift(format!("volume {} bears the marks of run {run}, which is not over", moved.source.volume)));
            }
            return Ok(Standing::Before);
        }
        if facts::reclaim_policy(&volume) != "Retain" {
            let who = facts::last_writer(&volume);
            return Ok(Standing::Adrift(format!("volume {} was set back to {}{who}", moved.source.volume, facts::reclaim_policy(&volume))));
        }
        Ok(Standing::done(format!("volume {} is on Retain", moved.source.volume)))
    }

    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        let moved = world.claim(&self.slot)?;
        let volume = self.volume(world).await?;
        if facts::uid(&volume) != moved.source.volume_uid {
            return Ok(Standing::Adrift(format!("volume {} is another one than was planned for", moved.source.volume)));
        }
        // Whatever its policy is by now, our labels go last.
        Ok(if look::is_volume_of_run(&volume, world) { Standing::done("labelled") } else { Standing::Before })
    }

    async fn bars_way_back(&self, world: &World) -> Result<Option<String>, StepError> {
        let moved = world.claim(&self.slot)?;
        let found = world.at(End::Source).get(&Kind::VOLUME, &moved.source.volume).await?;
        Ok(found.is_none().then(|| format!("volume {} is gone, and the target has the only copy", moved.source.volume)))
    }

    async fn bears_marks(&self, world: &World) -> Result<bool, StepError> {
        let moved = world.claim(&self.slot)?;
        let found = world.at(End::Source).get(&Kind::VOLUME, &moved.source.volume).await?;
        Ok(found.is_some_and(|volume| look::is_volume_of_run(&volume, world)))
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let moved = world.claim(&self.slot)?;
        let (volume, claim) = (self.volume(world).await?, world.full_name(End::Source, &moved.claim));
        if facts::uid(&volume) != moved.source.volume_uid || facts::claim_named(&volume) != claim {
            return Err(StepError::failed(format!("volume {} is not the one of claim {}", moved.source.volume, claim)));
        }
        let mut metadata = facts::only(&volume);
        metadata["labels"] = marks::of_volume(&world.namespace, &world.run, marks::ROLE_SOURCE, &self.slot.0);
        metadata["annotations"] = json!({ marks::CLAIM: claim, marks::PLAN: world.plan_digest, marks::POLICY_BEFORE: self.policy_before });
        let patch = json!({ "metadata": metadata, "spec": { "persistentVolumeReclaimPolicy": "Retain" } });
        world.at(End::Source).patch(&Kind::VOLUME, &moved.source.volume, &patch).await?;
        Ok(())
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let moved = world.claim(&self.slot)?;
        let (volume, claim) = (self.volume(world).await?, world.full_name(End::Source, &moved.claim));
        if facts::uid(&volume) != moved.source.volume_uid || facts::claim_named(&volume) != claim {
            return Err(StepError::failed(format!("volume {} names claim {} by now", moved.source.volume, facts::claim_named(&volume))));
        }
        // Of a claim that somebody deletes the data stays all the same.
        let policy = if self.is_claim_leaving(world).await? { "Retain" } else { self.policy_before.as_str() };
        // A released volume that is set to Delete is deleted at once, with all data: it has to be bound again first.
        if policy != "Retain" && facts::text(&volume, "/status/phase") != "Bound" {
            return Ok(());
        }
        let mut metadata = facts::only(&volume);
        metadata["labels"] = marks::off_volume();
        metadata["annotations"] = json!({ marks::CLAIM: null, marks::PLAN: null, marks::POLICY_BEFORE: null });
        let patch = json!({ "metadata": metadata, "spec": { "persistentVolumeReclaimPolicy": policy } });
        world.at(End::Source).patch(&Kind::VOLUME, &moved.source.volume, &patch).await?;
        Ok(())
    }
}
