//! Reserving a target volume for the claim of the app. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::Slot;
use crate::plan::subject::Subject;

/// Reserves a target volume for the claim's original name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BindTarget {
    /// The claim's slot.
    pub slot: Slot,
}

impl Parameters for BindTarget {
    fn word(&self) -> &'static str {
        "bind-target"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("reserve the target volume for claim {}", subject.claim(&self.slot))
    }

    fn undoes(&self, subject: Subject<'_>) -> Option<String> {
        Some(format!("give the target volume back to claim {}", subject.staging(&self.slot)))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilStarted, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::Reserves(&self.slot)]
    }
}
