//! [`PinRetention`]: a stateful set must not own its claims while they are swapped (KEP-1847).

use serde_json::{Value, json};

use super::act::Act;
use super::facts;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use crate::cluster::Kind;
use crate::plan::End;
use crate::plan::step::PinRetention;

impl PinRetention {
    async fn set(&self, world: &World) -> Result<Value, StepError> {
        let found = world.at(End::Source).get(&Kind::STATEFUL_SET, &world.app.name).await?;
        found.ok_or_else(|| StepError::failed(format!("statefulset/{} is gone", world.app.name)))
    }

    async fn write(&self, world: &World, policy: &Value) -> Result<(), StepError> {
        let set = self.set(world).await?;
        let patch = json!({ "metadata": facts::only(&set), "spec": { "persistentVolumeClaimRetentionPolicy": policy } });
        world.at(End::Source).patch(&Kind::STATEFUL_SET, &world.app.name, &patch).await?;
        Ok(())
    }
}

/// The policy under which a set never deletes claims.
pub(super) fn retain() -> Value {
    json!({ "whenDeleted": "Retain", "whenScaled": "Retain" })
}

impl Act for PinRetention {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let set = self.set(world).await?;
        // Once it was made again in the course of the run it has another uid; by then this is no longer asked on the way there.
        if facts::uid(&set) != world.app.uid {
            return Ok(Standing::Adrift(format!(
                "statefulset/{} is another one than was planned for{}",
                world.app.name,
                facts::last_writer(&set)
            )));
        }
        self.standing(world, &set).await
    }

    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        let set = self.set(world).await?;
        self.standing(world, &set).await
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        self.write(world, &retain()).await
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        self.write(world, &self.policy_before).await
    }
}

impl PinRetention {
    async fn standing(&self, world: &World, set: &Value) -> Result<Standing, StepError> {
        if set["spec"]["persistentVolumeClaimRetentionPolicy"] != retain() {
            return Ok(Standing::Before);
        }
        for name in &world.claim_names() {
            let claim = world.at(End::Source).get(&Kind::CLAIM, name).await?.unwrap_or_default();
            let none = Vec::new();
            // The owner is the set, or under whenScaled a pod of it.
            let owned = !claim["metadata"]["ownerReferences"].as_array().unwrap_or(&none).is_empty();
            if owned {
                return Ok(Standing::waiting_for(format!("claim {name} to lose its owner")));
            }
        }
        Ok(Standing::done("no claim is owned by the set"))
    }
}
