//! [`RestoreSet`]: the stateful set again, from its own raw JSON, with the new class in its claim templates.

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look, remove_set};
use crate::cluster::Kind;
use crate::plan::End;
use crate::plan::step::RestoreSet;

impl Act for RestoreSet {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let Some(set) = world.at(End::Target).get(&Kind::STATEFUL_SET, &world.app.name).await? else { return Ok(Standing::Before) };
        if facts::is_terminating(&set) {
            return Ok(Standing::waiting_for(format!("statefulset/{} to be gone{}", world.app.name, facts::held(&set, &[]))));
        }
        // Its replicas are anybody's from the moment it is there.
        if remove_set::classes(&set) == remove_set::classes(&self.manifest) {
            return Ok(Standing::done("made again with the new class"));
        }
        let what = format!("statefulset/{} exists and is not as planned{}", world.app.name, facts::last_writer(&set));
        Ok(Standing::Adrift(format!("{what}: stop what made it, delete it with `--cascade=orphan`, and go on")))
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        look::made(world.at(End::Target).create(&Kind::STATEFUL_SET, &world.as_noted(&self.manifest)).await)
    }
}
