//! [`ReserveTarget`]: the staging claim, which holds the target volume until the claim's own name is free.

use serde_json::{Value, json};

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look, pin_target};
use crate::cluster::{Delete, Kind};
use crate::plan::End;
use crate::plan::step::ReserveTarget;

impl Act for ReserveTarget {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let moved = world.claim(&self.slot)?;
        let Some(claim) = world.at(End::Target).get(&Kind::CLAIM, &moved.target.claim).await? else {
            if moved.target.kept.is_none() && look::target_volume(world, &self.slot).await?.is_some() {
                return Ok(Standing::waiting_for(format!("the volume of claim {} to be deleted", moved.target.claim)));
            }
            return Ok(Standing::Before);
        };
        if !look::is_of_run(&claim, world) {
            return Ok(Standing::Adrift(format!("claim {} exists and is not ours{}", moved.target.claim, facts::last_writer(&claim))));
        }
        if facts::is_terminating(&claim) {
            return Ok(Standing::waiting_for(format!("claim {} to be gone", moved.target.claim)));
        }
        if self.binds_at_once && facts::text(&claim, "/status/phase") != "Bound" {
            let warning = look::last_warning(world.at(End::Target), &claim).await;
            return Ok(Standing::waiting_for(format!("claim {} to be bound{warning}", moved.target.claim)));
        }
        Ok(Standing::done(format!("claim {} is made", moved.target.claim)))
    }

    async fn bears_marks(&self, world: &World) -> Result<bool, StepError> {
        let moved = world.claim(&self.slot)?;
        let found = world.at(End::Target).get(&Kind::CLAIM, &moved.target.claim).await?;
        Ok(found.is_some_and(|claim| look::is_of_run(&claim, world)))
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        look::made(world.at(End::Target).create(&Kind::CLAIM, &self.manifest).await)
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let moved = world.claim(&self.slot)?;
        let Some(claim) = world.at(End::Target).get(&Kind::CLAIM, &moved.target.claim).await? else { return Ok(()) };
        if look::is_of_run(&claim, world) && !facts::is_terminating(&claim) {
            if let Some(volume) = self.would_stay(world, &claim).await? {
                let patch = json!({ "metadata": facts::only(&volume), "spec": { "persistentVolumeReclaimPolicy": "Delete" } });
                world.at(End::Target).patch(&Kind::VOLUME, facts::name(&volume), &patch).await?;
                return Ok(());
            }
            let how = Delete { uid: Some(facts::uid(&claim).to_owned()), ..Delete::default() };
            world.at(End::Target).delete(&Kind::CLAIM, &moved.target.claim, &how).await?;
        }
        Ok(())
    }
}

impl ReserveTarget {
    /// The volume that was made for the staging claim, where its class keeps volumes: nobody else knows of it, and it would stay for ever.
    async fn would_stay(&self, world: &World, claim: &Value) -> Result<Option<Value>, StepError> {
        let moved = world.claim(&self.slot)?;
        let name = facts::text(claim, "/spec/volumeName");
        if moved.target.kept.is_some() || name.is_empty() {
            return Ok(None);
        }
        let Some(volume) = world.at(End::Target).get(&Kind::VOLUME, name).await? else { return Ok(None) };
        let is_made_for_it = look::is_for_claim(&volume, world.at(End::Target), &moved.target.claim)
            && facts::text(&volume, "/spec/claimRef/uid") == facts::uid(claim)
            && volume["metadata"]["annotations"]["pv.kubernetes.io/provisioned-by"].is_string()
            && !pin_target::is_older(&volume, claim);
        Ok((is_made_for_it && facts::reclaim_policy(&volume) == "Retain").then_some(volume))
    }
}
