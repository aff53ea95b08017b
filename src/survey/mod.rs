//! What was seen in the cluster before planning, as plain data.
//!
//! Not called a snapshot: that word is a `VolumeSnapshot` here. A survey holds facts only (no judgement, no clock, no
//! connection), so that a plan can be made from a file of it. Sizes are bytes. Objects that will be made again are kept whole, as
//! raw JSON; everything else is reduced to what the planner asks.

pub mod file;
pub mod object;
mod telling;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// A claim of the app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimSeen {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The object as the server returned it.
    pub raw: Value,
    /// How the app comes by it.
    pub origin: ClaimOrigin,
    /// `status.phase`.
    pub phase: String,
    /// `spec.storageClassName`.
    pub class: Option<String>,
    /// `spec.resources.requests.storage` in bytes.
    pub requested_bytes: u64,
    /// `status.capacity.storage` in bytes, 0 while unbound.
    pub capacity_bytes: u64,
    /// Bytes used in its file system, where a kubelet told.
    pub used_bytes: Option<u64>,
    /// `spec.accessModes`.
    #[serde(default)]
    pub access_modes: Vec<String>,
    /// Whether `spec.volumeMode` is `Block`.
    #[serde(default)]
    pub block: bool,
    /// `metadata.finalizers`.
    #[serde(default)]
    pub finalizers: Vec<String>,
    /// Whether it is being deleted.
    #[serde(default)]
    pub terminating: bool,
    /// Its controlling owner that is not the app itself, as `Kind/name`.
    pub owner: Option<String>,
    /// Marks of tools that apply it from elsewhere.
    #[serde(default)]
    pub applied_by: Vec<AppliedBy>,
    /// The volume it is bound to.
    pub volume: Option<VolumeSeen>,
    /// Every pod object that names it, the app's and others', in any phase.
    #[serde(default)]
    pub mounted_by: Vec<MountSeen>,
}

/// How an app comes by a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "from")]
pub enum ClaimOrigin {
    /// Made from a claim template of a stateful set.
    #[serde(rename_all = "camelCase")]
    Template {
        /// The template's name.
        template: String,
        /// The replica's ordinal.
        ordinal: u32,
    },
    /// Named by a volume of the pod template.
    #[serde(rename_all = "camelCase")]
    Volume {
        /// The volume's name.
        volume: String,
    },
    /// Made for one pod by a generic ephemeral volume, and deleted with it.
    #[serde(rename_all = "camelCase")]
    Ephemeral {
        /// The pod that owns it.
        pod: String,
    },
    /// Named by the user.
    Named,
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

/// A persistent volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSeen {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// `spec.persistentVolumeReclaimPolicy`.
    pub reclaim_policy: String,
    /// What it is made of: the key of its source in `spec`, such as `csi`, `hostPath`, `nfs` or `local`.
    pub source: String,
    /// The CSI driver; for volumes under CSI migration the driver that serves them.
    pub driver: Option<String>,
    /// The file system that its CSI driver was told to make (`spec.csi.fsType`); empty where none was named.
    #[serde(default)]
    pub fs_type: String,
    /// `spec.nodeAffinity`, raw.
    pub node_affinity: Option<Value>,
    /// `metadata.finalizers`.
    pub finalizers: Vec<String>,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// The claim it is bound to (`spec.claimRef`), as `NAMESPACE/NAME UID`.
    #[serde(default)]
    pub bound_to: String,
}

/// A volume that is said to be kept by an earlier run, as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptSeen {
    /// Its name.
    pub volume: String,
    /// Its uid.
    pub uid: String,
    /// `status.phase`.
    pub phase: String,
    /// `spec.claimRef`, raw.
    pub claim_ref: Value,
    /// `spec.storageClassName`.
    pub class: Option<String>,
    /// `spec.nodeAffinity`, raw.
    pub node_affinity: Option<Value>,
    /// All its labels.
    pub labels: BTreeMap<String, String>,
    /// All its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A storage class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClassSeen {
    /// Its name.
    pub name: String,
    /// Its provisioner.
    pub provisioner: String,
    /// Whether volumes are made when a pod first uses them (`WaitForFirstConsumer`).
    pub waits_for_consumer: bool,
    /// `reclaimPolicy` (`Delete` where unset).
    pub reclaim_policy: String,
    /// `allowedTopologies`, raw.
    pub allowed_topologies: Option<Value>,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
}

/// How much storage of a class is left for some nodes (`CSIStorageCapacity`, KEP-1472).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CapacitySeen {
    /// The class.
    pub class: String,
    /// The nodes that can reach it, by name.
    pub nodes: Vec<String>,
    /// So many bytes are left; none where it is not told.
    pub bytes: Option<u64>,
    /// The largest volume there can be; none where it is not told.
    pub volume_bytes_max: Option<u64>,
}

/// A CSI driver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DriverSeen {
    /// Its name.
    pub name: String,
    /// Whether volumes are attached to nodes.
    pub attach_required: bool,
    /// Whether it tells how much storage it has left, and the scheduler goes by that (`spec.storageCapacity`).
    #[serde(default)]
    pub tells_capacity: bool,
    /// `spec.fsGroupPolicy`; empty where it is not known.
    #[serde(default)]
    pub fs_group_policy: String,
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

impl ClaimSeen {
    /// Returns the app's pods that are over and still name the claim: it cannot be deleted before their objects are.
    pub fn dead_pods_of_app(&self) -> impl Iterator<Item = &MountSeen> {
        self.mounted_by.iter().filter(|mount| mount.of_app && mount.is_over())
    }

    /// Returns the pod of the app that uses the claim and stays.
    pub fn pod_of_app(&self) -> Option<&str> {
        let uses = |mount: &&MountSeen| mount.of_app && !mount.is_over() && !mount.terminating;
        self.mounted_by.iter().find(uses).map(|mount| mount.pod.as_str())
    }

    /// Returns the pod of the app that uses the claim and has started.
    pub fn started_pod_of_app(&self) -> Option<&str> {
        let runs = |mount: &&MountSeen| mount.of_app && mount.phase == "Running" && !mount.terminating;
        self.mounted_by.iter().find(runs).map(|mount| mount.pod.as_str())
    }

    /// Returns the node on which the app uses the claim: one where a pod runs that stays, else one where a pod is being stopped.
    pub fn node_of_app(&self) -> Option<&str> {
        let alive = || self.mounted_by.iter().filter(|mount| mount.of_app && !mount.is_over());
        let stays = alive().filter(|mount| !mount.terminating).find_map(|mount| mount.node.as_deref());
        stays.or_else(|| alive().find_map(|mount| mount.node.as_deref()))
    }
}

impl MountSeen {
    /// Whether nothing in the pod runs any more, nor ever will (`IsPodTerminal` in `k8s.io/kubernetes/pkg/api/v1/pod`).
    pub fn is_over(&self) -> bool {
        is_over(&self.phase)
    }
}

impl PodSeen {
    /// Whether nothing in the pod runs any more, nor ever will.
    pub fn is_over(&self) -> bool {
        is_over(&self.phase)
    }
}

/// Whether nothing in a pod of this phase runs any more, nor ever will (`IsPodTerminal` in `k8s.io/kubernetes/pkg/api/v1/pod`).
pub fn is_over(phase: &str) -> bool {
    matches!(phase, "Succeeded" | "Failed")
}

impl AppKind {
    /// The kind of this word, if there is one: see [`AppKind::word`].
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::StatefulSet, Self::Deployment, Self::Pod, Self::Claim].into_iter().find(|kind| kind.word() == word)
    }

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
