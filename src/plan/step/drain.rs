//! Stopping an app that can be scaled. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};

use super::fact::{AppPart, Fact};
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};
use crate::survey::AppKind;

/// Scales the app to zero and waits until no pod of it runs on the claims.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// A stateful set or a deployment.
    pub kind: AppKind,
    /// The namespace.
    pub namespace: String,
    /// The app.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its replicas before.
    pub replicas: u32,
    /// What it is, if it is a stateful set, which is made again as it was when the plan was made ([`shape`](crate::plan::shape::shape)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
    /// The claims that no pod may use afterwards.
    pub claims: Vec<String>,
}

impl Parameters for Drain {
    fn word(&self) -> &'static str {
        "drain"
    }

    fn does(&self) -> String {
        format!("scale {}/{} from {} to 0", self.kind.word(), self.name, self.replicas)
    }

    fn undoes(&self) -> Option<String> {
        Some(format!("scale {}/{} back to {}", self.kind.word(), self.name, self.replicas))
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
        let taken = Fact::Takes(AppPart::Replicas { name: &self.name, count: u64::from(self.replicas) });
        self.claims.iter().map(|claim| Fact::StopsApp { claim }).chain([taken]).collect()
    }
}
