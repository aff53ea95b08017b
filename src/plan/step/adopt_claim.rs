//! Making the claim of the app on its target volume. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Creates the claim under its original name, bound to the target volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdoptClaim {
    /// The claim's slot.
    pub slot: String,
    /// The namespace.
    pub namespace: String,
    /// The claim.
    pub name: String,
    /// The claim to create, but for `spec.volumeName`.
    pub manifest: Value,
}

impl Parameters for AdoptClaim {
    fn word(&self) -> &'static str {
        "adopt-claim"
    }

    fn does(&self) -> String {
        format!("create claim {} bound to the target volume", self.name)
    }

    fn undoes(&self) -> Option<String> {
        Some(format!("delete claim {}, whose data is on the source volume", self.name))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilStarted, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::Adopts { slot: &self.slot, claim: &self.name }]
    }
}
