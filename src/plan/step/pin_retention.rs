//! Pinning a stateful set's claim retention, so that it deletes no claim. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::subject::Subject;

/// Sets a stateful set's claim retention policy to `Retain` for both cases and waits until it no longer owns its claims.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PinRetention {
    /// `spec.persistentVolumeClaimRetentionPolicy` before.
    pub policy_before: Value,
}

impl Parameters for PinRetention {
    fn word(&self) -> &'static str {
        "pin-retention"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("set claim retention of statefulset/{} to Retain", subject.app.name)
    }

    fn undoes(&self, subject: Subject<'_>) -> Option<String> {
        Some(format!("put claim retention of statefulset/{} back", subject.app.name))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilSetIsRemoved, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        Vec::new()
    }
}
