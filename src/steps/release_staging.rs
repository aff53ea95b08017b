//! [`ReleaseStaging`]: the staging claim is gone; the target volume stays.

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look};
use crate::cluster::{Delete, Kind};
use crate::plan::End;
use crate::plan::finalizers;
use crate::plan::step::ReleaseStaging;

impl Act for ReleaseStaging {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let moved = world.claim(&self.slot)?;
        match world.at(End::Target).get(&Kind::CLAIM, &moved.target.claim).await? {
            None => Ok(Standing::done("gone")),
            Some(claim) if facts::is_terminating(&claim) => {
                let by = look::what_holds_claim(world.at(End::Target), &claim).await?;
                Ok(Standing::waiting_for(format!("claim {} to be gone{by}", moved.target.claim)))
            }
            Some(_) => Ok(Standing::Before),
        }
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let moved = world.claim(&self.slot)?;
        let target = look::known_target_volume(world, &self.slot).await?;
        if facts::reclaim_policy(&target) != "Retain" {
            let who = facts::last_writer(&target);
            return Err(StepError::failed(format!("volume {} is on {} again{who}", facts::name(&target), facts::reclaim_policy(&target))));
        }
        let Some(claim) = world.at(End::Target).get(&Kind::CLAIM, &moved.target.claim).await? else { return Ok(()) };
        if !look::is_of_run(&claim, world) {
            return Err(StepError::failed(format!("claim {} is not ours", moved.target.claim)));
        }
        look::goes(&claim, &finalizers::OF_CLAIMS, &world.at(End::Target).namespace)?;
        let how = Delete { uid: Some(facts::uid(&claim).to_owned()), ..Delete::default() };
        world.at(End::Target).delete(&Kind::CLAIM, &moved.target.claim, &how).await?;
        Ok(())
    }
}
