//! Freeing the name of a claim. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Deletes a claim of the app; its volume stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseClaim {
    /// The claim's slot.
    pub slot: String,
    /// The namespace.
    pub namespace: String,
    /// The claim.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The volume it is bound to.
    pub volume: String,
    /// Its uid; empty in plans of earlier versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub volume_uid: String,
    /// The app, as `statefulset/pg`.
    pub app: String,
    /// The claim to create when this is undone, bound to that volume.
    pub manifest_before: Value,
}

impl Parameters for ReleaseClaim {
    fn word(&self) -> &'static str {
        "release-claim"
    }

    fn does(&self) -> String {
        format!("delete claim {} and keep its volume {}", self.name, self.volume)
    }

    fn undoes(&self) -> Option<String> {
        Some(format!("create claim {} again, bound to volume {}", self.name, self.volume))
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
        vec![Fact::Frees { slot: &self.slot, claim: &self.name, volume: &self.volume }]
    }
}
