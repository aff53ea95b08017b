//! Waiting for a mover that the app kept from starting. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, UndoOrder};

/// Waits until a mover that the app kept from starting has started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwaitMover {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
}

impl Parameters for AwaitMover {
    fn word(&self) -> &'static str {
        "await-mover"
    }

    fn does(&self) -> String {
        format!("wait until mover pod {} has started", self.pod)
    }

    fn undoes(&self) -> Option<String> {
        None
    }

    fn guard(&self) -> Guard {
        Guard::Nothing
    }

    fn app_effect(&self) -> AppEffect {
        AppEffect::Nothing
    }

    fn undo_order(&self) -> UndoOrder {
        UndoOrder::AsPlanned
    }

    fn loss(&self) -> Loss {
        Loss::Stops
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        Vec::new()
    }
}
