//! [`StopMover`]: a mover pod is gone, so that its claims can be deleted.

use super::pod;
use crate::cluster::Kind;
use crate::plan::step::StopMover;
use crate::steps::act::Act;
use crate::steps::facts;
use crate::steps::failure::StepError;
use crate::steps::standing::Standing;
use crate::steps::world::World;

impl Act for StopMover {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        match world.at_mover(&self.pod).get(&Kind::POD, &self.pod).await? {
            None => Ok(Standing::done("gone")),
            Some(pod) if facts::is_terminating(&pod) => Ok(Standing::waiting_for(format!("mover pod {} to be gone", self.pod))),
            Some(_) => Ok(Standing::Before),
        }
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        pod::delete_pod(world, &self.pod).await
    }
}
