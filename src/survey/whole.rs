//! A survey as a whole, and what is found in it by name. Plain data: it judges nothing.

use serde::{Deserialize, Serialize};

use super::app::{AppSeen, AutoscalerSeen};
use super::claim::ClaimSeen;
use super::pod::TemplateSeen;
use super::storage::{CapacitySeen, ClassSeen, DriverSeen, KeptSeen};
use super::surroundings::{AccessSeen, LimitSeen, NamespaceSeen, NodeSeen, QuotaSeen};

/// Everything a plan is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Survey {
    /// The server's version, such as `v1.36.3`; for people, never for decisions.
    #[serde(default)]
    pub server_version: String,
    /// The uid of namespace `kube-system`, by which a cluster is known whatever its address; none where it may not be read.
    #[serde(default)]
    pub cluster_uid: Option<String>,
    /// The app's namespace.
    pub namespace: NamespaceSeen,
    /// What is to be moved.
    pub app: AppSeen,
    /// All its claims, in the order of ordinal, then template.
    pub claims: Vec<ClaimSeen>,
    /// Objects of others whose templates name any of these claims.
    #[serde(default)]
    pub templates: Vec<TemplateSeen>,
    /// All storage classes.
    pub classes: Vec<ClassSeen>,
    /// All CSI drivers that are registered.
    #[serde(default)]
    pub drivers: Vec<DriverSeen>,
    /// All nodes.
    #[serde(default)]
    pub nodes: Vec<NodeSeen>,
    /// How much storage drivers say they have left.
    #[serde(default)]
    pub capacities: Vec<CapacitySeen>,
    /// Quotas of the namespace.
    #[serde(default)]
    pub quotas: Vec<QuotaSeen>,
    /// Limits for single claims and pods in the namespace.
    #[serde(default)]
    pub limits: Vec<LimitSeen>,
    /// Disruption budgets that select the app's pods.
    #[serde(default)]
    pub disruption_budgets: Vec<String>,
    /// Autoscalers that target the app.
    #[serde(default)]
    pub autoscalers: Vec<AutoscalerSeen>,
    /// Network policies of the namespace that keep mover pods from reaching one another.
    #[serde(default)]
    pub network_policies: Vec<String>,
    /// Runs of ours on this app which are neither finished nor undone, as far as the labels of config maps say: anybody's word who may
    /// write them.
    #[serde(default)]
    pub unfinished_runs: Vec<String>,
    /// Volumes that a request names as kept by an earlier run.
    #[serde(default)]
    pub kept: Vec<KeptSeen>,
    /// What we may and may not do.
    #[serde(default)]
    pub access: Vec<AccessSeen>,
}

impl Survey {
    /// Returns the storage class of that name.
    pub fn class(&self, name: &str) -> Option<&ClassSeen> {
        self.classes.iter().find(|class| class.name == name)
    }

    /// Returns the CSI driver of that name.
    pub fn driver(&self, name: &str) -> Option<&DriverSeen> {
        self.drivers.iter().find(|driver| driver.name == name)
    }

    /// Returns the node of that name.
    pub fn node(&self, name: &str) -> Option<&NodeSeen> {
        self.nodes.iter().find(|node| node.name == name)
    }
}
