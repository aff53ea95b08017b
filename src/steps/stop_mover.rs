//! [`StopMover`]: a mover pod is gone, so that its claims can be deleted.

use super::{Act, Standing, StepError, World, look, start_mover};
use crate::cluster::Kind;
use crate::plan::step::StopMover;

impl Act for StopMover {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        match world.target.get(&Kind::POD, &self.namespace, &self.pod).await? {
            None => Ok(Standing::done("gone")),
            Some(pod) if look::is_terminating(&pod) => Ok(Standing::waiting_for(format!("mover pod {} to be gone", self.pod))),
            Some(_) => Ok(Standing::Before),
        }
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        start_mover::delete_pod(world, &self.namespace, &self.pod).await
    }
}
