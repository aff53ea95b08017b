//! Making the claim of the app on its target volume. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::Slot;
use crate::plan::subject::Subject;

/// Creates the claim under its original name, bound to the target volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdoptClaim {
    /// The claim's slot.
    pub slot: Slot,
    /// The claim to create, but for `spec.volumeName`.
    pub manifest: Value,
}

impl Parameters for AdoptClaim {
    fn word(&self) -> &'static str {
        "adopt-claim"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("create claim {} bound to the target volume", subject.claim(&self.slot))
    }

    fn undoes(&self, subject: Subject<'_>) -> Option<String> {
        Some(format!("delete claim {}, whose data is on the source volume", subject.claim(&self.slot)))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilStarted, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::Adopts(&self.slot)]
    }
}
