//! Starting a mover pod. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::subject::Subject;
use crate::plan::{End, Slot};

/// Creates a mover pod and waits until it is ready for orders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartMover {
    /// The pod.
    pub pod: String,
    /// At which end it is: at the source if it mounts source volumes.
    pub end: End,
    /// Claims whose source volume the app has mounted. If its driver refuses a second mount, the mover starts when the app has stopped.
    pub held_by_app: Vec<Slot>,
    /// The pod to create.
    pub manifest: Value,
}

impl Parameters for StartMover {
    fn word(&self) -> &'static str {
        "start-mover"
    }

    fn does(&self, _: Subject<'_>) -> String {
        format!("start mover pod {}", self.pod)
    }

    fn undoes(&self, _: Subject<'_>) -> Option<String> {
        Some(format!("delete mover pod {}", self.pod))
    }

    fn traits(&self) -> Traits {
        Traits {
            guard: Guard::UntilStop,
            app_effect: AppEffect::Nothing,
            // A mover that was told to go only reads the source, and cannot be seen to have gone while its node is lost.
            // Kubernetes lets the app wait where they cannot both have the volume.
            undo_order: UndoOrder::MayLinger,
            // A mover pod goes with its node.
            loss: Loss::Renewed,
        }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::StartsMover(&self.pod)]
    }
}
