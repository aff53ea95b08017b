//! Giving a stateful set its claim retention back. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Puts a stateful set's claim retention policy back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreRetention {
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub set: String,
    /// The policy.
    pub policy: Value,
}

impl Parameters for RestoreRetention {
    fn word(&self) -> &'static str {
        "restore-retention"
    }

    fn does(&self) -> String {
        format!("put claim retention of statefulset/{} back", self.set)
    }

    fn undoes(&self) -> Option<String> {
        None
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::Nothing, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        Vec::new()
    }
}
