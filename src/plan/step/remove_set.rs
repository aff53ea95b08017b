//! Removing a stateful set while its claims are swapped. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::{AppPart, Fact};
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::subject::Subject;

/// Deletes a stateful set and leaves what it owns, so that it cannot make empty claims while they are swapped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveSet {
    /// The set to create when this is undone, with no replicas.
    pub manifest_before: Value,
}

impl Parameters for RemoveSet {
    fn word(&self) -> &'static str {
        "remove-set"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("delete statefulset/{} and leave what it owns", subject.app.name)
    }

    fn undoes(&self, subject: Subject<'_>) -> Option<String> {
        Some(format!("create statefulset/{} again as it was", subject.app.name))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilStart, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::Takes(AppPart::Set)]
    }
}
