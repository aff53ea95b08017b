//! [`RestoreRetention`]: the set's own claim retention policy, once the claims are in place.

use serde_json::json;

use super::act::Act;
use super::facts;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use crate::cluster::Kind;
use crate::plan::End;
use crate::plan::step::RestoreRetention;

impl Act for RestoreRetention {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let set = world.at(End::Target).get(&Kind::STATEFUL_SET, &world.app.name).await?.unwrap_or_default();
        let restored = set["spec"]["persistentVolumeClaimRetentionPolicy"] == self.policy;
        Ok(if restored { Standing::done("as it was") } else { Standing::Before })
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let found = world.at(End::Target).get(&Kind::STATEFUL_SET, &world.app.name).await?;
        let set = found.ok_or_else(|| StepError::failed(format!("statefulset/{} is gone", world.app.name)))?;
        let patch = json!({ "metadata": facts::only(&set), "spec": { "persistentVolumeClaimRetentionPolicy": self.policy } });
        world.at(End::Target).patch(&Kind::STATEFUL_SET, &world.app.name, &patch).await?;
        Ok(())
    }
}
