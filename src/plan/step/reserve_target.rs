//! Making the staging claim that gets the target volume. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Creates the staging claim that gets, or takes up, the target volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReserveTarget {
    /// The claim's slot.
    pub slot: String,
    /// The namespace.
    pub namespace: String,
    /// The staging claim.
    pub staging: String,
    /// Whether its volume is made for it, and may be deleted with it when the run is undone.
    pub provisioned: bool,
    /// Whether it must be bound before anything uses it.
    pub binds_at_once: bool,
    /// The claim to create.
    pub manifest: Value,
}

impl Parameters for ReserveTarget {
    fn word(&self) -> &'static str {
        "reserve-target"
    }

    fn does(&self) -> String {
        format!("create claim {}", self.staging)
    }

    fn undoes(&self) -> Option<String> {
        Some(if self.provisioned {
            format!("delete claim {} and its volume", self.staging)
        } else {
            format!("delete claim {}", self.staging)
        })
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilRelease, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        Vec::new()
    }
}
