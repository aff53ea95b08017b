//! Waiting until the app is ready. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::subject::Subject;

/// Waits until all replicas are ready. A pod that was put on a node which its volume cannot be reached from is deleted, so that it is
/// put somewhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AwaitReady {}

impl Parameters for AwaitReady {
    fn word(&self) -> &'static str {
        "await-ready"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("wait until {} is ready", subject.app.reference())
    }

    fn undoes(&self, _: Subject<'_>) -> Option<String> {
        None
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::Nothing, app_effect: AppEffect::SeesReady, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        Vec::new()
    }
}
