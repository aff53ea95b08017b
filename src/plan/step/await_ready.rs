//! Waiting until the app is ready. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::survey::AppKind;

/// Waits until all replicas are ready. A pod that was put on a node which its volume cannot be reached from is deleted, so that it is
/// put somewhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwaitReady {
    /// What it is.
    pub kind: AppKind,
    /// The namespace.
    pub namespace: String,
    /// The app.
    pub name: String,
    /// The claims that were moved.
    #[serde(default)]
    pub claims: Vec<String>,
}

impl Parameters for AwaitReady {
    fn word(&self) -> &'static str {
        "await-ready"
    }

    fn does(&self) -> String {
        format!("wait until {}/{} is ready", self.kind.word(), self.name)
    }

    fn undoes(&self) -> Option<String> {
        None
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::Nothing, app_effect: AppEffect::SeesReady, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        Vec::new()
    }
}
