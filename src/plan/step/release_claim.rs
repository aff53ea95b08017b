//! Freeing the name of a claim. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::Slot;
use crate::plan::subject::Subject;

/// Deletes a claim of the app; its volume stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseClaim {
    /// The claim's slot.
    pub slot: Slot,
    /// The claim to create when this is undone, bound to that volume.
    pub manifest_before: Value,
}

impl Parameters for ReleaseClaim {
    fn word(&self) -> &'static str {
        "release-claim"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("delete claim {} and keep its volume {}", subject.claim(&self.slot), subject.volume(&self.slot))
    }

    fn undoes(&self, subject: Subject<'_>) -> Option<String> {
        Some(format!("create claim {} again, bound to volume {}", subject.claim(&self.slot), subject.volume(&self.slot)))
    }

    fn traits(&self) -> Traits {
        Traits {
            guard: Guard::UntilAdoption,
            app_effect: AppEffect::Nothing,
            // A set whose claim is missing would make an empty one.
            undo_order: UndoOrder::BeforeAppStarts,
            loss: Loss::Stops,
        }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::Frees(&self.slot)]
    }
}
