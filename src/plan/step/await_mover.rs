//! Waiting for a mover that the app kept from starting. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::subject::Subject;

/// Waits until a mover that the app kept from starting has started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AwaitMover {
    /// The pod.
    pub pod: String,
}

impl Parameters for AwaitMover {
    fn word(&self) -> &'static str {
        "await-mover"
    }

    fn does(&self, _: Subject<'_>) -> String {
        format!("wait until mover pod {} has started", self.pod)
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
