//! Reserving a target volume for the claim of the app. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Reserves a target volume for the claim's original name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BindTarget {
    /// The claim's slot.
    pub slot: String,
    /// The namespace.
    pub namespace: String,
    /// The claim.
    pub claim: String,
    /// The staging claim it was reserved for.
    pub staging: String,
}

impl Parameters for BindTarget {
    fn word(&self) -> &'static str {
        "bind-target"
    }

    fn does(&self) -> String {
        format!("reserve the target volume for claim {}", self.claim)
    }

    fn undoes(&self) -> Option<String> {
        Some(format!("give the target volume back to claim {}", self.staging))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilStarted, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::Reserves { slot: &self.slot, claim: &self.claim }]
    }
}
