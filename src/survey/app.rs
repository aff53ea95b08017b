//! The app that a person named, and who else acts on it. Plain data: it judges nothing.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pod::PodSeen;

/// The thing a person named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppSeen {
    /// What it is.
    pub kind: AppKind,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The object as the server returned it (the claim itself for [`AppKind::Claim`]).
    pub raw: Value,
    /// Wanted replicas; 1 for a pod, 0 for a claim.
    pub replicas: u32,
    /// The first ordinal (`spec.ordinals.start`, KEP-3335); 0 but for stateful sets that set it.
    #[serde(default)]
    pub first_ordinal: u32,
    /// Whether it is being deleted.
    #[serde(default)]
    pub terminating: bool,
    /// The controller that owns it, as `Kind.group/name`.
    pub owner: Option<String>,
    /// Marks of tools that apply it from elsewhere.
    #[serde(default)]
    pub applied_by: Vec<AppliedBy>,
    /// Its pods.
    #[serde(default)]
    pub pods: Vec<PodSeen>,
}

/// What can be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AppKind {
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `apps/v1` Deployment.
    Deployment,
    /// A pod without a controller.
    Pod,
    /// A claim that no pod mounts.
    Claim,
}

impl AppKind {
    /// As in `kubectl get`: `statefulset`.
    pub fn word(self) -> &'static str {
        match self {
            Self::StatefulSet => "statefulset",
            Self::Deployment => "deployment",
            Self::Pod => "pod",
            Self::Claim => "pvc",
        }
    }
}

/// A tool that applies an object's manifest from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedBy {
    /// The tool, such as `helm`, `argocd` or `flux-kustomize`; for one that is not known, `field manager` and its name.
    pub tool: String,
    /// The release, application or kustomization, as the mark names it.
    pub name: String,
    /// The namespace of that, where the mark names one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Whether the object itself bears that tool's own mark to leave it alone.
    pub paused: bool,
    /// When it acts.
    #[serde(default)]
    pub acts: Acts,
}

/// When a tool applies what it applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Acts {
    /// Again and again: it would put our changes back.
    #[default]
    ByItself,
    /// When somebody calls it.
    WhenCalled,
    /// It has written fields that a move changes, and is not known.
    Unknown,
}

/// An autoscaler that targets the app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoscalerSeen {
    /// `HorizontalPodAutoscaler` or `ScaledObject`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whether it holds still: paused by its own mark, or with its bounds at the present number of replicas.
    pub still: bool,
}
