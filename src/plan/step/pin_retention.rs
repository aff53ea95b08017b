//! Pinning a stateful set's claim retention, so that it deletes no claim. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Sets a stateful set's claim retention policy to `Retain` for both cases and waits until it no longer owns its claims.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinRetention {
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub set: String,
    /// Its uid.
    pub uid: String,
    /// `spec.persistentVolumeClaimRetentionPolicy` before.
    pub policy_before: Value,
    /// The claims it may own.
    pub claims: Vec<String>,
}

impl Parameters for PinRetention {
    fn word(&self) -> &'static str {
        "pin-retention"
    }

    fn does(&self) -> String {
        format!("set claim retention of statefulset/{} to Retain", self.set)
    }

    fn undoes(&self) -> Option<String> {
        Some(format!("put claim retention of statefulset/{} back", self.set))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilSetIsRemoved, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        Vec::new()
    }
}
