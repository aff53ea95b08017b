//! [`ReserveTarget`]: the staging claim, which holds the target volume until the claim's own name is free.

use super::{Act, Standing, StepError, World, look};
use crate::cluster::{Delete, Kind};
use crate::plan::step::ReserveTarget;

impl Act for ReserveTarget {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let Some(claim) = world.target.get(&Kind::CLAIM, &self.namespace, &self.staging).await? else {
            if self.provisioned && look::target_volume(world, &self.slot).await?.is_some() {
                return Ok(Standing::waiting_for(format!("the volume of claim {} to be deleted", self.staging)));
            }
            return Ok(Standing::Before);
        };
        if !look::is_of_run(&claim, world) {
            return Ok(Standing::Adrift(format!("claim {} exists and is not ours{}", self.staging, look::last_writer(&claim))));
        }
        if look::is_terminating(&claim) {
            return Ok(Standing::waiting_for(format!("claim {} to be gone", self.staging)));
        }
        if self.binds_at_once && look::text(&claim, "/status/phase") != "Bound" {
            let warning = look::last_warning(&world.target, &claim).await;
            return Ok(Standing::waiting_for(format!("claim {} to be bound{warning}", self.staging)));
        }
        Ok(Standing::done(format!("claim {} is made", self.staging)))
    }

    async fn bears_marks(&self, world: &World) -> Result<bool, StepError> {
        let found = world.target.get(&Kind::CLAIM, &self.namespace, &self.staging).await?;
        Ok(found.is_some_and(|claim| look::is_of_run(&claim, world)))
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        look::made(world.target.create(&Kind::CLAIM, &self.namespace, &self.manifest).await)
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let Some(claim) = world.target.get(&Kind::CLAIM, &self.namespace, &self.staging).await? else { return Ok(()) };
        if look::is_of_run(&claim, world) && !look::is_terminating(&claim) {
            let how = Delete { uid: Some(look::uid(&claim).to_owned()), ..Delete::default() };
            world.target.delete(&Kind::CLAIM, &self.namespace, &self.staging, &how).await?;
        }
        Ok(())
    }
}
