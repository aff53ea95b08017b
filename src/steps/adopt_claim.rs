//! [`AdoptClaim`]: the claim under its original name, on the target volume.

use serde_json::json;

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look};
use crate::cluster::{Delete, Kind};
use crate::plan::End;
use crate::plan::step::AdoptClaim;

impl Act for AdoptClaim {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let name = &world.claim(&self.slot)?.claim;
        let Some(claim) = world.at(End::Target).get(&Kind::CLAIM, name).await? else { return Ok(Standing::Before) };
        let volume = look::known_target_volume(world, &self.slot).await?;
        let on = facts::text(&claim, "/spec/volumeName");
        if on != facts::name(&volume) {
            let who = facts::last_writer(&claim);
            let what = format!("claim {name} was made by somebody else, on volume `{on}`{who}");
            return Ok(Standing::Adrift(format!("{what}: stop what made it and what runs on it, delete that claim, and go on")));
        }
        if facts::is_terminating(&claim) {
            return Ok(Standing::waiting_for(format!("claim {name} to be gone")));
        }
        match facts::text(&claim, "/status/phase") {
            "Bound" => Ok(Standing::done(format!("claim {name} is bound to volume {on}"))),
            phase => Ok(Standing::waiting_for(format!("claim {name} to be bound (it is {phase})"))),
        }
    }

    /// As when a way back is begun: somebody may start the app while it is gone.
    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        match self.bars_way_back(world).await? {
            Some(why) => Ok(Standing::Adrift(format!("{why}: what it writes is on no other volume, so this is to be settled by hand"))),
            None => self.observe(world).await,
        }
    }

    /// Somebody may have started the app on the target already; what it writes there would be lost.
    async fn bars_way_back(&self, world: &World) -> Result<Option<String>, StepError> {
        let name = &world.claim(&self.slot)?.claim;
        let Some(claim) = world.at(End::Target).get(&Kind::CLAIM, name).await? else { return Ok(None) };
        let volume = look::known_target_volume(world, &self.slot).await?;
        if facts::text(&claim, "/spec/volumeName") != facts::name(&volume) {
            return Ok(None);
        }
        let users = look::running_on(world, world.at(End::Target), std::slice::from_ref(name)).await?;
        Ok((!users.is_empty()).then(|| format!("{} runs on claim {name} and its target already", users.join(", "))))
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let volume = look::known_target_volume(world, &self.slot).await?;
        let mut claim = self.manifest.clone();
        claim["spec"]["volumeName"] = json!(facts::name(&volume));
        look::made(world.at(End::Target).create(&Kind::CLAIM, &claim).await)
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let name = &world.claim(&self.slot)?.claim;
        let Some(claim) = world.at(End::Target).get(&Kind::CLAIM, name).await? else { return Ok(()) };
        let volume = look::known_target_volume(world, &self.slot).await?;
        if facts::text(&claim, "/spec/volumeName") == facts::name(&volume) && !facts::is_terminating(&claim) {
            let how = Delete { uid: Some(facts::uid(&claim).to_owned()), ..Delete::default() };
            world.at(End::Target).delete(&Kind::CLAIM, name, &how).await?;
        }
        Ok(())
    }
}
