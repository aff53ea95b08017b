//! Stopping an app that is a bare pod. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::{AppPart, Fact};
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::subject::Subject;

/// Deletes a bare pod and waits until it is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemovePod {
    /// The pod to create when this is undone.
    pub manifest_before: Value,
}

impl Parameters for RemovePod {
    fn word(&self) -> &'static str {
        "remove-pod"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("delete pod {}", subject.app.name)
    }

    fn undoes(&self, subject: Subject<'_>) -> Option<String> {
        Some(format!("create pod {} again", subject.app.name))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilStart, app_effect: AppEffect::Stops, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::StopsApp, Fact::Takes(AppPart::Pod)]
    }
}
