//! Reserving a kept volume for the way back. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Reserves a kept volume for a staging claim, so that only that claim can bind to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReopenVolume {
    /// The claim's slot.
    pub slot: String,
    /// The claim, as `NAMESPACE/NAME`.
    pub claim: String,
    /// The volume.
    pub volume: String,
    /// Its uid.
    pub volume_uid: String,
    /// The namespace of the staging claim.
    pub namespace: String,
    /// The staging claim it is reserved for.
    pub staging: String,
    /// `spec.claimRef` before.
    pub claim_ref_before: Value,
    /// Labels of ours before.
    pub labels_before: Value,
}

impl Parameters for ReopenVolume {
    fn word(&self) -> &'static str {
        "reopen-volume"
    }

    fn does(&self) -> String {
        format!("reserve kept volume {} for claim {}", self.volume, self.staging)
    }

    fn undoes(&self) -> Option<String> {
        Some(format!("keep volume {} as it was", self.volume))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilStarted, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::PinsTarget { slot: &self.slot }]
    }
}
