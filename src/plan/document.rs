//! A plan as a whole: what was asked, what is moved, and the stages in their order. As text it is in `file`, its lint in `check`.

use serde::{Deserialize, Serialize};

use super::app::App;
use super::as_written::AsWritten;
use super::claim_move::ClaimMove;
use super::names::{RunId, StepId};
use super::request::Request;
use super::stage::{PlannedStep, Stage};
use super::subject::Subject;

/// `apiVersion` of a plan file. A changed field makes a new version; old ones stay readable: see [`super::upgrade`].
pub const API_VERSION: &str = "kubectl-stateful.dev/v2";

/// `kind` of a plan file.
pub const KIND: &str = "Plan";

/// Every change of a move, in order, before anything is changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// See [`API_VERSION`].
    pub api_version: String,
    /// See [`KIND`].
    pub kind: String,
    /// What was asked.
    pub request: Request,
    /// What is moved.
    pub app: App,
    /// The cluster it was made for: the server's address.
    pub cluster: String,
    /// The uid of that cluster's namespace `kube-system`, where it may be read: a cluster has many addresses, and this stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_uid: Option<String>,
    /// One for each claim that is moved.
    pub moves: Vec<ClaimMove>,
    /// What a reader should know beside the steps.
    pub notes: Vec<String>,
    /// What will be done, in this order.
    pub stages: Vec<Stage>,
    /// Its text, where it was read from one of an earlier version.
    #[serde(skip)]
    pub as_written: AsWritten,
}

impl Plan {
    /// Returns all steps in order, each with the index of its stage.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = (usize, &PlannedStep)> {
        self.stages.iter().enumerate().flat_map(|(index, stage)| stage.steps.iter().map(move |step| (index, step)))
    }

    /// Returns the step of that name.
    pub fn step(&self, id: &StepId) -> Option<&PlannedStep> {
        self.steps().map(|(_, step)| step).find(|step| step.id == *id)
    }

    /// Returns what the steps are about.
    pub fn subject(&self) -> Subject<'_> {
        Subject { app: &self.app, moves: &self.moves }
    }

    /// Returns the namespace of the app, of the run's records and, with the run's name, of its marks on volumes.
    pub fn namespace(&self) -> &str {
        &self.app.namespace
    }

    /// Returns the run's name.
    pub fn run(&self) -> &RunId {
        &self.request.run
    }
}
