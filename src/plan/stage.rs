//! The stages of a plan, and the steps in them with what the engine needs to drive them.

use serde::{Deserialize, Serialize};

use super::names::StepId;
use super::step::Step;

/// A set of independent steps, driven together; the next stage begins when all are settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// A verb phrase for people.
    pub name: String,
    /// Whether the app is down in this stage.
    pub app_is_down: bool,
    /// Its steps.
    pub steps: Vec<PlannedStep>,
}

/// A step with what the engine needs to drive it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedStep {
    /// Its name.
    pub id: StepId,
    /// How long it may take.
    pub deadline_secs: u64,
    /// Until which stage (by index, exclusive) what it did must stay as it is; none: nobody looks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarded_until: Option<usize>,
    /// What it does.
    pub step: Step,
}
