//! Removing pods that are over and still hold claims. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::survey::AppKind;

/// Deletes pods of the app that are over and still name its claims: a claim is not gone before they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClearPods {
    /// What the app is.
    pub kind: AppKind,
    /// The namespace.
    pub namespace: String,
    /// The app.
    pub name: String,
    /// The pods that were over when the plan was made.
    pub pods: Vec<String>,
    /// The claims that no pod that is over may name afterwards.
    pub claims: Vec<String>,
}

impl Parameters for ClearPods {
    fn word(&self) -> &'static str {
        "clear-pods"
    }

    fn does(&self) -> String {
        let app = format!("{}/{}", self.kind.word(), self.name);
        format!("delete the pods of {app} that are over and still name its claims: {}", self.pods.join(", "))
    }

    fn undoes(&self) -> Option<String> {
        None
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::Nothing, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        Vec::new()
    }
}
