//! The claims of an app, and how it comes by them. Plain data: it judges nothing.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::app::AppliedBy;
use super::pod::MountSeen;
use super::storage::VolumeSeen;

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
