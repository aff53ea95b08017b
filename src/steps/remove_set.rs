//! [`RemoveSet`]: no stateful set while claims are swapped, because a live one makes missing claims anew, empty, of the old class.

use serde_json::Value;

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{drain, facts, look};
use crate::cluster::{ApiError, Delete, Kind};
use crate::plan::End;
use crate::plan::shape::{is_of_shape, metadata_changes};
use crate::plan::step::RemoveSet;

impl Act for RemoveSet {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let Some(set) = world.at(End::Source).get(&Kind::STATEFUL_SET, &world.app.name).await? else {
            return Ok(Standing::done("gone; what it owned is left"));
        };
        if facts::is_terminating(&set) {
            return Ok(Standing::waiting_for(format!("statefulset/{} to be gone{}", world.app.name, facts::held(&set, &[]))));
        }
        // A claim template is compared by what matters to it: the server fills in the rest.
        if classes(&set) == classes(&self.manifest_before) {
            return Ok(Standing::Before);
        }
        Ok(Standing::Adrift(format!("statefulset/{} has other claim templates{}", world.app.name, facts::last_writer(&set))))
    }

    /// A set that is gone bears nothing. With it gone the app is down, whoever deleted it.
    async fn bears_marks(&self, world: &World) -> Result<bool, StepError> {
        Ok(world.at(End::Source).get(&Kind::STATEFUL_SET, &world.app.name).await?.is_none())
    }

    async fn notes(&self, world: &World) -> Result<Option<Value>, StepError> {
        let set = world.at(End::Source).get(&Kind::STATEFUL_SET, &world.app.name).await?;
        Ok(set.map(|set| metadata_changes(&self.manifest_before, &set)))
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let Some(set) = world.at(End::Source).get(&Kind::STATEFUL_SET, &world.app.name).await? else { return Ok(()) };
        if !drain::is_as_stopped(&set, world) || !is_of_shape(&set, world.app.shape.as_deref().unwrap_or_default()) {
            let who = facts::last_writer(&set);
            return Err(StepError::failed(format!("statefulset/{} was changed while it was stopped{who}", world.app.name)));
        }
        look::goes(&set, &[], &world.at(End::Source).namespace)?;
        if !world.has_noted(&metadata_changes(&self.manifest_before, &set)) {
            return Err(ApiError::Conflict(format!("statefulset/{} was written to a moment ago", world.app.name)).into());
        }
        // Of this very version: a set that was scaled up in between may have written since the proof.
        let version = Some(facts::text(&set, "/metadata/resourceVersion").to_owned());
        let how = Delete { uid: Some(world.app.uid.clone()), version, orphan: true };
        world.at(End::Source).delete(&Kind::STATEFUL_SET, &world.app.name, &how).await?;
        Ok(())
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        look::made(world.at(End::Source).create(&Kind::STATEFUL_SET, &world.as_noted(&self.manifest_before)).await)
    }
}

/// The name and class of each claim template.
pub(super) fn classes(set: &serde_json::Value) -> Vec<(String, String)> {
    let none = Vec::new();
    let templates = set["spec"]["volumeClaimTemplates"].as_array().unwrap_or(&none);
    templates.iter().map(|one| (facts::name(one).to_owned(), facts::text(one, "/spec/storageClassName").to_owned())).collect()
}
