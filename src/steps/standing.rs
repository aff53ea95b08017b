//! How the world compares with a step's goal.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::contract::orders::VolumeReport;
use crate::journal::Evidence;

/// How the world compares with a step's goal.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// As before the step.
    Before,
    /// Neither yet: it is being changed, by us or because of us.
    Underway(Progress),
    /// As after the step.
    After(Evidence),
    /// As neither, because of somebody else. Says what was found and who did it.
    Adrift(String),
}

/// What a step is waiting for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// In words, to follow "waiting for".
    pub waiting_for: String,
    /// How far copies are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<VolumeReport>,
    /// Where what was done has not been noticed by those it is for: for how long that may be before they are reminded of it.
    #[serde(skip)]
    pub remind_after: Option<Duration>,
    /// Where who works on it tells how far it is, in `volumes`: for how long it may tell nothing new before it is given up.
    #[serde(skip)]
    pub lost_after: Option<Duration>,
}

impl Standing {
    pub(super) fn waiting_for(what: impl Into<String>) -> Self {
        Self::Underway(Progress { waiting_for: what.into(), ..Progress::default() })
    }

    pub(super) fn done(note: impl Into<String>) -> Self {
        Self::After(Evidence::note(note))
    }
}
