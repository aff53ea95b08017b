//! Stopping an app that is a bare pod. Parameters and words only: how it is done is in the room `steps`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::{AppPart, Fact};
use super::parameters::{AppEffect, Guard, Loss, Parameters, Traits, UndoOrder};

/// Deletes a bare pod and waits until it is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovePod {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The claims that no pod may use afterwards.
    pub claims: Vec<String>,
    /// The pod to create when this is undone.
    pub manifest_before: Value,
}

impl Parameters for RemovePod {
    fn word(&self) -> &'static str {
        "remove-pod"
    }

    fn does(&self) -> String {
        format!("delete pod {}", self.name)
    }

    fn undoes(&self) -> Option<String> {
        Some(format!("create pod {} again", self.name))
    }

    fn traits(&self) -> Traits {
        Traits { guard: Guard::UntilStart, app_effect: AppEffect::Stops, undo_order: UndoOrder::AsPlanned, loss: Loss::Stops }
    }

    fn facts(&self) -> Vec<Fact<'_>> {
        let taken = Fact::Takes(AppPart::Pod { name: &self.name });
        self.claims.iter().map(|claim| Fact::StopsApp { claim }).chain([taken]).collect()
    }
}
