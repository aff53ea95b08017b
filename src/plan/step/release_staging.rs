//! Freeing a target volume from its staging claim. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Deletes a staging claim; its volume stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStaging {
    /// The claim's slot.
    pub slot: String,
    /// The namespace.
    pub namespace: String,
    /// The staging claim.
    pub staging: String,
}

impl Parameters for ReleaseStaging {
    fn word(&self) -> &'static str {
        "release-staging"
    }

    fn does(&self) -> String {
        format!("delete claim {} and keep its volume", self.staging)
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
