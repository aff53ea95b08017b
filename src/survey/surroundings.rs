//! What else of a cluster bears on a move: its namespace, nodes and limits, and what we may do. Plain data: it judges nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NamespaceSeen {
    /// Its name.
    pub name: String,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// The Pod Security level it enforces (label `pod-security.kubernetes.io/enforce`).
    pub pod_security: Option<String>,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSeen {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether its condition `Ready` is true.
    pub ready: bool,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// `spec.taints`, raw.
    #[serde(default)]
    pub taints: Vec<Value>,
    /// The CSI drivers on it, with their topology keys.
    pub drivers: BTreeMap<String, Vec<String>>,
}

/// A quota.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QuotaSeen {
    /// Its name.
    pub name: String,
    /// What it counts only (`spec.scopes` and the scopes of `spec.scopeSelector`); empty: everything.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// `status.hard`, in bytes or counts (cpu in thousandths).
    pub hard: BTreeMap<String, u64>,
    /// `status.used`, likewise.
    pub used: BTreeMap<String, u64>,
}

/// One item of a limit range.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LimitSeen {
    /// The limit range's name.
    pub name: String,
    /// `PersistentVolumeClaim`, `Pod` or `Container`.
    pub applies_to: String,
    /// The resource, such as `storage`.
    pub resource: String,
    /// At least this much.
    pub min: Option<u64>,
    /// At most this much.
    pub max: Option<u64>,
    /// The limit of a container that names none.
    #[serde(default)]
    pub default: Option<u64>,
    /// How many times the request a limit may be, in thousandths.
    #[serde(default)]
    pub max_ratio_thousandths: Option<u64>,
}

/// The answer to one question about our permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessSeen {
    /// The verb.
    pub verb: String,
    /// The API group.
    pub group: String,
    /// The plural, with `/subresource` where one is meant.
    pub resource: String,
    /// The namespace; empty for cluster-wide.
    pub namespace: String,
    /// Whether we may.
    pub allowed: bool,
    /// Whether a move can do without it.
    #[serde(default)]
    pub optional: bool,
}
