//! Pinning a target volume before its staging claim goes. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Sets the reclaim policy of the volume a staging claim got to `Retain` and labels it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinTarget {
    /// The claim's slot.
    pub slot: String,
    /// The claim, as `NAMESPACE/NAME`.
    pub claim: String,
    /// The namespace of the staging claim.
    pub namespace: String,
    /// The staging claim.
    pub staging: String,
}

impl Parameters for PinTarget {
    fn word(&self) -> &'static str {
        "pin-target"
    }

    fn does(&self) -> String {
        format!("set the volume of claim {} to reclaim policy Retain", self.staging)
    }

    fn undoes(&self) -> Option<String> {
        Some(format!("set the volume of claim {} to be deleted with it", self.staging))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilStarted, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::PinsTarget { slot: &self.slot }]
    }
}
