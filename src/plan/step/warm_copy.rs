//! Copying while the app runs. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use super::route::Route;
use crate::plan::subject::Subject;

/// Copies pass after pass while the app runs, until the last pass is predicted to be short enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WarmCopy {
    /// The ends.
    pub route: Route,
    /// How long the last pass may take.
    pub last_pass_ms_max: u64,
    /// At most so many passes.
    pub passes_max: u32,
    /// Whether it is a failure if it does not come to fit.
    pub insist: bool,
}

impl Parameters for WarmCopy {
    fn word(&self) -> &'static str {
        "warm-copy"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("copy {} while the app runs", subject.claims(&self.route.slots))
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
