//! Pinning a target volume before its staging claim goes. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::Slot;
use crate::plan::subject::Subject;

/// Sets the reclaim policy of the volume a staging claim got to `Retain` and labels it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PinTarget {
    /// The claim's slot.
    pub slot: Slot,
}

impl Parameters for PinTarget {
    fn word(&self) -> &'static str {
        "pin-target"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("set the volume of claim {} to reclaim policy Retain", subject.staging(&self.slot))
    }

    fn undoes(&self, subject: Subject<'_>) -> Option<String> {
        Some(format!("set the volume of claim {} to be deleted with it", subject.staging(&self.slot)))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilStarted, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::PinsTarget(&self.slot)]
    }
}
