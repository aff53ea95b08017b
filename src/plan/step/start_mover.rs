//! Starting a mover pod. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Creates a mover pod and waits until it is ready for orders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartMover {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// Volumes that the app has mounted. If their driver refuses a second mount, the mover starts when the app has stopped.
    pub held_by_app: Vec<String>,
    /// The pod to create.
    pub manifest: Value,
}

impl Parameters for StartMover {
    fn word(&self) -> &'static str {
        "start-mover"
    }

    fn does(&self) -> String {
        format!("start mover pod {}", self.pod)
    }

    fn undoes(&self) -> Option<String> {
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
        vec![Fact::StartsMover { pod: &self.pod }]
    }
}
