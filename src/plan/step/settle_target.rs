//! Making a target volume wholly the app's own. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::Slot;
use crate::plan::subject::Subject;

/// Gives a target volume the reclaim policy of its class and takes our labels off it: it is the app's now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SettleTarget {
    /// The claim's slot.
    pub slot: Slot,
    /// The policy.
    pub policy: String,
}

impl Parameters for SettleTarget {
    fn word(&self) -> &'static str {
        "settle-target"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("set the volume of claim {} to reclaim policy {}", subject.claim(&self.slot), self.policy)
    }

    fn undoes(&self, _: Subject<'_>) -> Option<String> {
        None
    }

    fn traits(&self) -> Traits {
        Traits {
            guard: Guard::Nothing,
            // The volume is made its own for good.
            app_effect: AppEffect::LetsWrite,
            undo_order: UndoOrder::AsPlanned,
            loss: Loss::Stops,
        }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        Vec::new()
    }
}
