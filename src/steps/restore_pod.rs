//! [`RestorePod`]: a bare pod again, on the new volumes.

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look};
use crate::cluster::Kind;
use crate::plan::End;
use crate::plan::step::RestorePod;

impl Act for RestorePod {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        match world.at(End::Target).get(&Kind::POD, &world.app.name).await? {
            Some(pod) if facts::uid(&pod) == world.app.uid => {
                Ok(Standing::Adrift(format!("pod {} is still the one from before the move", world.app.name)))
            }
            Some(_) => Ok(Standing::done("made again")),
            None => Ok(Standing::Before),
        }
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        look::made(world.at(End::Target).create(&Kind::POD, &self.manifest).await)
    }
}
