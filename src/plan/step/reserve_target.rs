//! Making the staging claim that gets the target volume. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::Slot;
use crate::plan::subject::Subject;

/// Creates the staging claim that gets, or takes up, the target volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReserveTarget {
    /// The claim's slot.
    pub slot: Slot,
    /// Whether it must be bound before anything uses it.
    pub binds_at_once: bool,
    /// The claim to create.
    pub manifest: Value,
}

impl Parameters for ReserveTarget {
    fn word(&self) -> &'static str {
        "reserve-target"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("create claim {}", subject.staging(&self.slot))
    }

    fn undoes(&self, subject: Subject<'_>) -> Option<String> {
        Some(if subject.is_provisioned(&self.slot) {
            format!("delete claim {} and its volume", subject.staging(&self.slot))
        } else {
            format!("delete claim {}", subject.staging(&self.slot))
        })
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilRelease, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        Vec::new()
    }
}
