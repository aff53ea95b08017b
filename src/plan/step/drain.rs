//! Stopping an app that can be scaled. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::{AppPart, Fact};
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::plan::subject::Subject;

/// Scales the app to zero and waits until no pod of it runs on the claims.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drain {}

impl Parameters for Drain {
    fn word(&self) -> &'static str {
        "drain"
    }

    fn does(&self, subject: Subject<'_>) -> String {
        format!("scale {} from {} to 0", subject.app.reference(), subject.app.replicas)
    }

    fn undoes(&self, subject: Subject<'_>) -> Option<String> {
        Some(format!("scale {} back to {}", subject.app.reference(), subject.app.replicas))
    }

    fn traits(&self) -> Traits {
        Traits {
            // With its claims on the target an app that somebody starts is where it should be.
            guard: Guard::UntilSetIsRemovedOrAdopted,
            app_effect: AppEffect::Stops,
            undo_order: UndoOrder::AsPlanned,
            loss: Loss::Stops,
        }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        vec![Fact::StopsApp, Fact::Takes(AppPart::Replicas)]
    }
}
