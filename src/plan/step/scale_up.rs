//! Starting an app that can be scaled. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::{AppPart, Fact};
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::subject::Subject;

/// Scales the app back to its replicas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScaleUp {}

impl Parameters for ScaleUp {
    fn word(&self) -> &'static str {
        "scale-up"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("scale {} from 0 to {}", subject.app.reference(), subject.app.replicas)
    }

    fn undoes(&self, _: Subject<'_>) -> Option<String> {
        // Once it was begun the app may have written to the target: going back is a move of its own.
        None
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::Nothing, app_effect: AppEffect::Starts, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::GivesBack(AppPart::Replicas)]
    }
}
