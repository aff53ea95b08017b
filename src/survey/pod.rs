//! Pods: the app's, and every other that names its claims. Plain data: it judges nothing.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A pod of the app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSeen {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Where it runs; none while unscheduled.
    pub node: Option<String>,
    /// `status.phase`.
    #[serde(default)]
    pub phase: String,
    /// Whether its condition `Ready` is true.
    pub ready: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// `metadata.finalizers`.
    #[serde(default)]
    pub finalizers: Vec<String>,
    /// The revision of the template it was made from (label `controller-revision-hash`), for pods of stateful sets.
    #[serde(default)]
    pub revision: Option<String>,
    /// Its `spec`, raw.
    pub spec: Value,
}

impl PodSeen {
    /// Whether nothing in the pod runs any more, nor ever will.
    pub fn is_over(&self) -> bool {
        is_over(&self.phase)
    }
}

/// A pod object that names a claim. Kubernetes deletes no claim while there is one that was placed on a node, even if it is over
/// (`podUsesPVCForDeletion` in `pkg/controller/volume/pvcprotection`, 1.36).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MountSeen {
    /// The pod.
    pub pod: String,
    /// Its uid.
    #[serde(default)]
    pub uid: String,
    /// Its node.
    pub node: Option<String>,
    /// `status.phase` of the pod.
    pub phase: String,
    /// `status.reason` of the pod, such as `Evicted` or `NodeShutdown`.
    #[serde(default)]
    pub reason: Option<String>,
    /// Whether the pod is being deleted.
    #[serde(default)]
    pub terminating: bool,
    /// `metadata.finalizers` of the pod.
    #[serde(default)]
    pub finalizers: Vec<String>,
    /// Whether the pod belongs to the app.
    pub of_app: bool,
    /// Who controls that pod, as `Kind/name`.
    pub owner: Option<String>,
}

impl MountSeen {
    /// Whether nothing in the pod runs any more, nor ever will (`IsPodTerminal` in `k8s.io/kubernetes/pkg/api/v1/pod`).
    pub fn is_over(&self) -> bool {
        is_over(&self.phase)
    }
}

/// An object, not the app nor part of it, that makes pods from a template which names claims of the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateSeen {
    /// Its kind, such as `CronJob`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The claims of the app that it names.
    pub claims: Vec<String>,
    /// Whether it starts pods as it is set now: it is not suspended, and wants at least one.
    pub starts_pods: bool,
}

/// Whether nothing in a pod of this phase runs any more, nor ever will (`IsPodTerminal` in `k8s.io/kubernetes/pkg/api/v1/pod`).
pub fn is_over(phase: &str) -> bool {
    matches!(phase, "Succeeded" | "Failed")
}
