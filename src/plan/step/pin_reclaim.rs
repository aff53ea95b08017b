//! Pinning a source volume, so that its data outlives its claim. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Sets a source volume's reclaim policy to `Retain` and labels it, so that deleting its claim cannot delete the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinReclaim {
    /// The claim's slot.
    pub slot: String,
    /// The claim, as `NAMESPACE/NAME`.
    pub claim: String,
    /// The volume.
    pub volume: String,
    /// Its uid.
    pub volume_uid: String,
    /// Its policy before.
    pub policy_before: String,
    /// Labels of ours it bore before, from an earlier run; nulls for none.
    pub labels_before: Value,
}

impl Parameters for PinReclaim {
    fn word(&self) -> &'static str {
        "pin-reclaim"
    }

    fn does(&self) -> String {
        format!("set volume {} to reclaim policy Retain", self.volume)
    }

    fn undoes(&self) -> Option<String> {
        Some(format!("set volume {} back to {}", self.volume, self.policy_before))
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
        vec![Fact::PinsSource { slot: &self.slot, volume: &self.volume }]
    }
}
