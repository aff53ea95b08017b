//! What a plan is made from beside the survey: the user's wishes, and what the clock and chance gave. Judges none of it.

use serde::{Deserialize, Serialize};

use super::names::RunId;

/// What the user asked for, and what the clock and chance gave: everything a plan depends on beside the survey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The name of the run, which all objects made for it carry.
    pub run: RunId,
    /// When the plan was made (RFC 3339, UTC).
    pub made_at: String,
    /// Where the data goes.
    pub destination: Destination,
    /// Only these claims; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_claims: Vec<String>,
    /// Not these claims.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip_claims: Vec<String>,
    /// The size of the new volumes in bytes; none: as large as the old ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// The access modes of the new claims; empty: those of the old ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access_modes: Vec<String>,
    /// At most this many bytes a second in each copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second_max: Option<u64>,
    /// Whether copies rest while the running app wants the disk.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub throttle: bool,
    /// How long the last pass of a copy may take, in seconds: warm passes go on until it is predicted to fit.
    pub last_pass_secs_max: u64,
    /// Whether nothing but a last pass that fits is accepted. (A run halts anyway, with the app untouched, unless more was accepted.)
    pub insist: bool,
    /// How long an outage the user accepts where it cannot be kept as short as it was to be, in seconds; none: the run halts before the stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_outage_secs: Option<u64>,
    /// Whether to copy only while the app is stopped.
    pub cold: bool,
    /// How long one copy may take in all, in seconds.
    pub copy_secs_max: u64,
    /// How long the app may take to become ready, in seconds.
    pub ready_secs_max: u64,
    /// How long a new volume, or a mover pod, may take to be there, in seconds.
    #[serde(default = "start_secs", skip_serializing_if = "is_start_secs")]
    pub start_secs_max: u64,
    /// How long a pod may take to stop beyond its grace period, and a claim to go, in seconds.
    #[serde(default = "stop_secs", skip_serializing_if = "is_stop_secs")]
    pub stop_secs_max: u64,
    /// Whether movers get raw source devices as writable: for drivers that cannot publish one read-only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub source_devices_writable: bool,
    /// The user's word that the kubelet may change the group and modes of the files on the new volumes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fs_group_may_change: bool,
    /// Whether movers run as the app does, for volumes that root may not read or write, such as exports that squash root.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub run_movers_as_app: bool,
    /// The image of the mover pods.
    pub mover_image: String,
    /// The user's word that whatever applies the app's manifest is paused.
    pub applier_is_paused: bool,
    /// The user's word that mover pods can reach one another in spite of network policies.
    pub network_is_open: bool,
}

/// [`Request::start_secs_max`] unless the user says otherwise, and of plans that do not say.
pub const START_SECS: u64 = 300;

/// [`Request::stop_secs_max`], likewise.
pub const STOP_SECS: u64 = 120;

fn start_secs() -> u64 {
    START_SECS
}

fn is_start_secs(secs: &u64) -> bool {
    *secs == START_SECS
}

fn stop_secs() -> u64 {
    STOP_SECS
}

fn is_stop_secs(secs: &u64) -> bool {
    *secs == STOP_SECS
}

impl Request {
    /// Whether data is copied at all.
    #[must_use]
    pub fn copies(&self) -> bool {
        !matches!(self.destination, Destination::KeptVolumes { discard_new_writes: true, .. })
    }
}

/// Where the data goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "to", deny_unknown_fields)]
pub enum Destination {
    /// New volumes of another storage class.
    #[serde(rename_all = "camelCase")]
    StorageClass {
        /// Its name.
        name: String,
    },
    /// The volumes that an earlier run kept.
    #[serde(rename_all = "camelCase")]
    KeptVolumes {
        /// That run.
        run: RunId,
        /// One for each claim.
        volumes: Vec<KeptVolume>,
        /// Leave out the copy: what the app wrote since is given up.
        discard_new_writes: bool,
    },
}

/// A volume that an earlier run kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeptVolume {
    /// The claim it was bound to.
    pub claim: String,
    /// The volume.
    pub volume: String,
    /// Its uid.
    pub volume_uid: String,
    /// The class of that claim.
    pub class: Option<String>,
    /// What that claim asked for, as a quantity.
    pub request: String,
    /// The access modes of that claim; empty in plans that could not change them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access_modes: Vec<String>,
    /// `spec.claimRef` as it is now, to be put back by undo.
    pub claim_ref: serde_json::Value,
    /// The labels of ours it bears now, to be put back by undo.
    pub labels: serde_json::Value,
    /// Its reclaim policy before the earlier run.
    pub reclaim_policy: String,
    /// `spec.nodeAffinity`: where it can be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_affinity: Option<serde_json::Value>,
}
