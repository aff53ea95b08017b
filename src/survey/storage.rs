//! What claims are made of: volumes, classes and drivers. Plain data: it judges nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
