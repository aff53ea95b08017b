//! Freeing a target volume from its staging claim. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::Slot;
use crate::plan::subject::Subject;

/// Deletes a staging claim; its volume stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseStaging {
    /// The claim's slot.
    pub slot: Slot,
}

impl Parameters for ReleaseStaging {
    fn word(&self) -> &'static str {
        "release-staging"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("delete claim {} and keep its volume", subject.staging(&self.slot))
    }

    fn undoes(&self, _: Subject<'_>) -> Option<String> {
        None
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::Nothing, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        Vec::new()
    }
}
