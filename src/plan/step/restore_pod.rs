//! Making a bare pod again. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::{AppPart, Fact};
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::subject::Subject;

/// Creates a bare pod again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestorePod {
    /// The pod to create.
    pub manifest: Value,
}

impl Parameters for RestorePod {
    fn word(&self) -> &'static str {
        "restore-pod"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("create pod {}", subject.app.name)
    }

    fn undoes(&self, _: Subject<'_>) -> Option<String> {
        // Once it was begun the app may have written to the target: going back is a move of its own.
        None
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::Nothing, app_effect: AppEffect::Starts, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::GivesBack(AppPart::Pod)]
    }
}
