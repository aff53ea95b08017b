//! Copying the last changes and proving the copy. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use super::route::Route;
use crate::plan::subject::Subject;

/// Copies what changed since the warm passes and proves both sides equal. Without its receipt nothing is cut over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LastPass {
    /// The ends.
    pub route: Route,
}

impl Parameters for LastPass {
    fn word(&self) -> &'static str {
        "last-pass"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("copy what changed of {} and prove both sides equal", subject.claims(&self.route.slots))
    }

    fn undoes(&self, _: Subject<'_>) -> Option<String> {
        None
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::Nothing, app_effect: AppEffect::Nothing, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        self.route.slots.iter().map(Fact::Proves).collect()
    }
}
