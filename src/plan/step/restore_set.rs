//! Making a stateful set again, of the new class. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::{AppPart, Fact};
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::subject::Subject;

/// Creates the stateful set again, with its replicas, the new class in its claim templates, and nothing else changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestoreSet {
    /// The set to create.
    pub manifest: Value,
}

impl Parameters for RestoreSet {
    fn word(&self) -> &'static str {
        "restore-set"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("create statefulset/{} with the new class in its claim templates", subject.app.name)
    }

    fn undoes(&self, _: Subject<'_>) -> Option<String> {
        // Once it was begun the app may have written to the target: going back is a move of its own.
        None
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::Nothing, app_effect: AppEffect::Starts, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        // With as many replicas as it had: see the lint of its manifest.
        vec![Fact::GivesBack(AppPart::Set), Fact::GivesBack(AppPart::Replicas)]
    }
}
