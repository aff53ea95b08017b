//! [`PinTarget`]: `Retain` and our labels on the volume a staging claim got. From then on the volume is found by its labels.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look};
use crate::cluster::Kind;
use crate::plan::{End, marks, step::PinTarget};

impl PinTarget {
    /// The staging claim's volume: by our labels, or through the claim, which then comes with it, while it has none.
    async fn volume(&self, world: &World) -> Result<Option<(Value, Option<Value>)>, StepError> {
        let moved = world.claim(&self.slot)?;
        if let Some(volume) = look::target_volume(world, &self.slot).await? {
            return Ok(Some((volume, None)));
        }
        let Some(claim) = world.at(End::Target).get(&Kind::CLAIM, &moved.target.claim).await? else { return Ok(None) };
        let name = facts::text(&claim, "/spec/volumeName");
        if name.is_empty() || facts::text(&claim, "/status/phase") != "Bound" {
            return Ok(None);
        }
        let volume = world.at(End::Target).get(&Kind::VOLUME, name).await?;
        Ok(volume.map(|volume| (volume, Some(claim))))
    }

    /// The same, whatever somebody has done to its labels.
    async fn any_volume(&self, world: &World) -> Result<Option<(Value, Option<Value>)>, StepError> {
        match self.volume(world).await? {
            Some(found) => Ok(Some(found)),
            None => Ok(look::unlabelled_target_volume(world, &self.slot).await?.map(|volume| (volume, None))),
        }
    }

    /// What shows that a volume was not made for the staging claim of this run; none: nothing. The claim is in a namespace where others
    /// write: one of the same name can be bound to a volume that is somebody else's.
    fn strange(&self, world: &World, volume: &Value, claim: Option<&Value>) -> Result<Option<String>, StepError> {
        let moved = world.claim(&self.slot)?;
        let Some(claim) = claim.filter(|_| !look::is_target_of(volume, world, &self.slot)) else { return Ok(None) };
        if !look::is_of_run(claim, world) || facts::label(claim, marks::SLOT) != self.slot.0 {
            return Ok(Some(format!("claim {} is not ours{}", moved.target.claim, facts::last_writer(claim))));
        }
        let name = facts::name(volume);
        if !look::is_for_claim(volume, world.at(End::Target), &moved.target.claim)
            || facts::text(volume, "/spec/claimRef/uid") != facts::uid(claim)
        {
            return Ok(Some(format!("volume {name} names claim {}, not {}", facts::claim_named(volume), moved.target.claim)));
        }
        Ok((!facts::label(volume, marks::RUN).is_empty()).then(|| format!("volume {name} bears the marks of another run")))
    }
}

/// By how many seconds the clocks of two API servers may differ.
const CLOCKS_DIFFER_SECS_MAX: i64 = 60;

/// Whether a volume was made before a claim and so not for it (it was free, and the claim was bound to it), by the API servers' clocks, which nobody else sets.
pub(super) fn is_older(volume: &Value, claim: &Value) -> bool {
    let made = |object: &Value| facts::text(object, "/metadata/creationTimestamp").parse::<Timestamp>().ok();
    match (made(volume), made(claim)) {
        (Some(volume), Some(claim)) => volume.as_second() + CLOCKS_DIFFER_SECS_MAX < claim.as_second(),
        (None, _) | (_, None) => false,
    }
}

impl Act for PinTarget {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let Some((volume, claim)) = self.volume(world).await? else { return Ok(Standing::Before) };
        if facts::is_terminating(&volume) {
            return Ok(Standing::Adrift(format!("volume {} is being deleted{}", facts::name(&volume), facts::last_writer(&volume))));
        }
        if let Some(what) = self.strange(world, &volume, claim.as_ref())? {
            return Ok(Standing::Adrift(what));
        }
        let pinned = look::is_volume_of_run(&volume, world) && facts::reclaim_policy(&volume) == "Retain";
        Ok(if pinned { Standing::done(format!("volume {} is on Retain", facts::name(&volume))) } else { Standing::Before })
    }

    /// A volume that is not ours stays as it is.
    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        let Some((volume, claim)) = self.any_volume(world).await? else { return Ok(Standing::Before) };
        let is_foreign = claim.as_ref().is_some_and(|claim| is_older(&volume, claim)) && !look::is_target_of(&volume, world, &self.slot);
        let is_kept = facts::reclaim_policy(&volume) == "Retain" && self.strange(world, &volume, claim.as_ref())?.is_none() && !is_foreign;
        Ok(if is_kept { Standing::done("kept") } else { Standing::Before })
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let moved = world.claim(&self.slot)?;
        // While the claim is not bound there is nothing to pin: look again later.
        let Some((volume, claim)) = self.volume(world).await? else { return Ok(()) };
        if let Some(what) = self.strange(world, &volume, claim.as_ref())? {
            return Err(StepError::failed(what));
        }
        let mut metadata = facts::only(&volume);
        metadata["labels"] = marks::of_volume(&world.namespace, &world.run, marks::ROLE_TARGET, &self.slot.0);
        metadata["annotations"] = look::target_annotations(world, moved);
        if let Some(claim) = claim {
            metadata["annotations"][marks::STAGING_UID] = json!(facts::uid(&claim));
            if is_older(&volume, &claim) {
                metadata["annotations"][marks::POLICY_BEFORE] = volume["spec"]["persistentVolumeReclaimPolicy"].clone();
            }
        }
        let patch = json!({ "metadata": metadata, "spec": { "persistentVolumeReclaimPolicy": "Retain" } });
        world.at(End::Target).patch(&Kind::VOLUME, facts::name(&volume), &patch).await?;
        Ok(())
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let moved = world.claim(&self.slot)?;
        let Some((volume, claim)) = self.any_volume(world).await? else { return Ok(()) };
        if let Some(what) = self.strange(world, &volume, claim.as_ref())? {
            return Err(StepError::failed(what));
        }
        if !look::is_for_claim(&volume, world.at(End::Target), &moved.target.claim) {
            return Err(StepError::failed(format!("volume {} is reserved for another claim, so it stays on Retain", facts::name(&volume))));
        }
        // The copy is ours alone and the app is back on its source: let it go with the staging claim. What was not made for us is as its
        // owner had it.
        let policy = match volume["metadata"]["annotations"][marks::POLICY_BEFORE].as_str() {
            Some(before) => before,
            None if claim.as_ref().is_some_and(|claim| is_older(&volume, claim)) => return Ok(()),
            None => "Delete",
        };
        let mut metadata = facts::only(&volume);
        if policy == "Retain" {
            // Nothing would be left to see of the way back.
            metadata["labels"] = marks::off_volume();
            metadata["annotations"] = marks::off_target();
        }
        let patch = json!({ "metadata": metadata, "spec": { "persistentVolumeReclaimPolicy": policy } });
        world.at(End::Target).patch(&Kind::VOLUME, facts::name(&volume), &patch).await?;
        Ok(())
    }
}
