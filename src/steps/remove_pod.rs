//! [`RemovePod`]: a bare pod is gone, and nothing runs on its claims.

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look};
use crate::cluster::{Delete, Kind};
use crate::plan::End;
use crate::plan::finalizers;
use crate::plan::step::RemovePod;

impl Act for RemovePod {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let there = world.at(End::Source).get(&Kind::POD, &world.app.name).await?;
        let stays = there.as_ref().is_some_and(|pod| !facts::is_terminating(pod));
        if stays {
            return Ok(Standing::Before);
        }
        let left = look::running_on(world, world.at(End::Source), &world.claim_names()).await?;
        if there.is_none() && left.is_empty() {
            return Ok(Standing::done("no pod runs on the claims"));
        }
        let held = there.as_ref().map(|pod| facts::held(pod, &finalizers::OF_PODS)).unwrap_or_default();
        Ok(Standing::waiting_for(format!("pod {} to be gone{held}", world.app.name)))
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        if let Some(pod) = world.at(End::Source).get(&Kind::POD, &world.app.name).await? {
            look::goes(&pod, &finalizers::OF_PODS, &world.at(End::Source).namespace)?;
            if facts::is_over(&pod) {
                return Err(StepError::failed(format!(
                    "pod {} has ended{}, and would be run a second time",
                    world.app.name,
                    facts::over(&pod)
                )));
            }
        }
        let how = Delete { uid: Some(world.app.uid.clone()), ..Delete::default() };
        world.at(End::Source).delete(&Kind::POD, &world.app.name, &how).await?;
        Ok(())
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        // While the old one is still going its name is taken; observing says when it is free.
        look::made(world.at(End::Source).create(&Kind::POD, &self.manifest_before).await)
    }
}
