//! Removing pods that are over and still hold claims. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::subject::Subject;

/// Deletes pods of the app that are over and still name its claims: a claim is not gone before they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClearPods {
    /// The pods that were over when the plan was made.
    pub pods: Vec<String>,
}

impl Parameters for ClearPods {
    fn word(&self) -> &'static str {
        "clear-pods"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        let app = subject.app.reference();
        format!("delete the pods of {app} that are over and still name its claims: {}", self.pods.join(", "))
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
