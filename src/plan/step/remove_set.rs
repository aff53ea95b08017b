//! Removing a stateful set while its claims are swapped. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::{AppPart, Fact};
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Deletes a stateful set and leaves what it owns, so that it cannot make empty claims while they are swapped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveSet {
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// What it is: see [`Drain::shape`](super::Drain::shape).
    pub shape: String,
    /// The set to create when this is undone, with no replicas.
    pub manifest_before: Value,
}

impl Parameters for RemoveSet {
    fn word(&self) -> &'static str {
        "remove-set"
    }

    fn does(&self) -> String {
        format!("delete statefulset/{} and leave what it owns", self.name)
    }

    fn undoes(&self) -> Option<String> {
        Some(format!("create statefulset/{} again as it was", self.name))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilStart, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::Takes(AppPart::Set { name: &self.name })]
    }
}
