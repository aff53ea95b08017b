//! Making a stateful set again, of the new class. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::{AppPart, Fact};
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Creates the stateful set again, with its replicas, the new class in its claim templates, and nothing else changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreSet {
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub name: String,
    /// The set to create.
    pub manifest: Value,
}

impl Parameters for RestoreSet {
    fn word(&self) -> &'static str {
        "restore-set"
    }

    fn does(&self) -> String {
        format!("create statefulset/{} with the new class in its claim templates", self.name)
    }

    fn undoes(&self) -> Option<String> {
        // Once it was begun the app may have written to the target: going back is a move of its own.
        None
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::Nothing, app_effect: AppEffect::Starts, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        let replicas = self.manifest["spec"]["replicas"].as_u64();
        let scaled = replicas.map(|count| Fact::GivesBack(AppPart::Replicas { name: &self.name, count }));
        [Fact::GivesBack(AppPart::Set { name: &self.name })].into_iter().chain(scaled).collect()
    }
}
