//! Stopping a mover pod. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::subject::Subject;

/// Deletes a mover pod and waits until it is gone: even a completed one holds its claims.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StopMover {
    /// The pod.
    pub pod: String,
}

impl Parameters for StopMover {
    fn word(&self) -> &'static str {
        "stop-mover"
    }

    fn does(&self, _: Subject<'_>) -> String {
        format!("delete mover pod {}", self.pod)
    }

    fn undoes(&self, _: Subject<'_>) -> Option<String> {
        None
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::Nothing, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::StopsMover(&self.pod)]
    }
}
