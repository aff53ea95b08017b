//! The app of a plan, as it was when the plan was made. Says nothing of its claims.

use serde::{Deserialize, Serialize};

use crate::survey::AppKind;

/// The app of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct App {
    /// What it is.
    pub kind: AppKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid when the plan was made.
    pub uid: String,
    /// Its replicas.
    pub replicas: u32,
    /// What it is, if it is a stateful set that is stopped or made again ([`shape`](super::shape::shape)): it must still be that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
}

impl App {
    /// `statefulset/pg`.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.kind.word(), self.name)
    }
}
