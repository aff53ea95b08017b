//! Reserving a kept volume for the way back. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, UndoOrder};

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

    fn guard(&self) -> Guard {
        Guard::UntilStarted
    }

    fn app_effect(&self) -> AppEffect {
        AppEffect::Nothing
    }

    fn undo_order(&self) -> UndoOrder {
        UndoOrder::AsPlanned
    }

    fn loss(&self) -> Loss {
        Loss::Stops
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::PinsTarget { slot: &self.slot }]
    }
}
