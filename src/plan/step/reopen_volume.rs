//! Reserving a kept volume for the way back. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::Slot;
use crate::plan::subject::Subject;

/// Reserves a kept volume for a staging claim, so that only that claim can bind to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReopenVolume {
    /// The claim's slot.
    pub slot: Slot,
    /// `spec.claimRef` before.
    pub claim_ref_before: Value,
    /// Labels of ours before.
    pub labels_before: Value,
}

impl Parameters for ReopenVolume {
    fn word(&self) -> &'static str {
        "reopen-volume"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("reserve kept volume {} for claim {}", subject.kept(&self.slot), subject.staging(&self.slot))
    }

    fn undoes(&self, subject: Subject<'_>) -> Option<String> {
        Some(format!("keep volume {} as it was", subject.kept(&self.slot)))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilStarted, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::PinsTarget(&self.slot)]
    }
}
