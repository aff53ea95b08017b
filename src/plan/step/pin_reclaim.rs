//! Pinning a source volume, so that its data outlives its claim. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::Slot;
use crate::plan::subject::Subject;

/// Sets a source volume's reclaim policy to `Retain` and labels it, so that deleting its claim cannot delete the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PinReclaim {
    /// The claim's slot.
    pub slot: Slot,
    /// Its policy before.
    pub policy_before: String,
}

impl Parameters for PinReclaim {
    fn word(&self) -> &'static str {
        "pin-reclaim"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("set volume {} to reclaim policy Retain", subject.volume(&self.slot))
    }

    fn undoes(&self, subject: Subject<'_>) -> Option<String> {
        Some(format!("set volume {} back to {}", subject.volume(&self.slot), self.policy_before))
    }

    fn traits(&self) -> Traits {
        Traits {
            // Once its claim is deleted a volume that somebody unpins is gone, and the proven target is all there is: no reason to stop.
            guard: Guard::UntilReleaseOrEnd,
            app_effect: AppEffect::Nothing,
            undo_order: UndoOrder::AsPlanned,
            loss: Loss::Stops,
        }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::PinsSource(&self.slot)]
    }
}
