//! [`AwaitMover`]: a mover that could not start beside the app has started now that the app has stopped. Changes nothing.

use super::start;
use crate::cluster::Kind;
use crate::plan::step::AwaitMover;
use crate::steps::act::Act;
use crate::steps::facts;
use crate::steps::failure::StepError;
use crate::steps::standing::Standing;
use crate::steps::world::World;

impl Act for AwaitMover {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        match world.at_mover(&self.pod).get(&Kind::POD, &self.pod).await? {
            Some(pod) if world.movers.strange(&pod).is_none() => start::standing(world, &pod).await,
            Some(pod) => Ok(Standing::Adrift(format!("mover pod {} is not the one that was made{}", self.pod, facts::last_writer(&pod)))),
            None => Ok(Standing::Adrift(format!("mover pod {} was deleted by somebody", self.pod))),
        }
    }

    async fn act(&self, _: &World) -> Result<(), StepError> {
        Ok(())
    }
}
