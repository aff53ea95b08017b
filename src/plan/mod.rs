//! A plan: every change of a move, in order, with each value it will write, before anything is changed.
//!
//! A plan is a versioned file that a person can review and a machine can carry out. It leaves no choice to execution: names,
//! old and new values and deadlines are all in it. This room does no I/O and knows no API client; [`check`] lints every plan that
//! was made or loaded, and each file of [`step`] has all that is known of one kind of change.

pub mod check;
pub mod difference;
mod end;
pub mod file;
pub mod finalizers;
pub mod marks;
pub mod mover_pod;
mod names;
pub mod reach;
mod scope;
pub mod shape;
pub mod step;

use serde::{Deserialize, Serialize};

pub use end::End;
pub use names::{is_namespace, is_object, plan_record, run_of_mover, staging_name};
pub use step::Step;

use crate::survey::AppKind;

/// `apiVersion` of a plan file. A changed field makes a new version; old ones stay readable.
pub const API_VERSION: &str = "kubectl-stateful.dev/v1";

/// What reading or copying a whole volume is assumed to manage, in bytes a second, where an estimate is told.
pub const ASSUMED_BYTES_PER_SECOND: u64 = 100 * (1 << 20);

/// `kind` of a plan file.
pub const KIND: &str = "Plan";

/// What the user asked for, and what the clock and chance gave: everything a plan depends on beside the survey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
#[serde(rename_all = "camelCase", tag = "to")]
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
#[serde(rename_all = "camelCase")]
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

/// The name of a run: lower-case letters, digits and `-`, at most 20 characters. Read from anywhere only if it is one: it becomes part of
/// names, selectors and commands to paste.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(pub String);

impl TryFrom<String> for RunId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if names::is_run(&text) { Ok(Self(text)) } else { Err("a run's name is 1 to 20 lower-case letters, digits and dashes".to_owned()) }
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.0
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The name of a step, unique in its plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub String);

impl std::fmt::Display for StepId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
}

/// The app of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct App {
    /// What it is.
    pub kind: AppKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid when the plan was made.
    pub uid: String,
    /// Its replicas.
    pub replicas: u32,
}

impl App {
    /// `statefulset/pg`.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.kind.word(), self.name)
    }
}

/// One claim's way, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimMove {
    /// The claim, whose name stays.
    pub claim: String,
    /// Its key in labels of ours.
    pub slot: String,
    /// Its class now.
    pub source_class: Option<String>,
    /// Its class then.
    pub target_class: Option<String>,
    /// The source volume.
    pub source_volume: String,
    /// The size of the source volume in bytes.
    pub capacity_bytes: u64,
    /// The size of the target volume in bytes, if it is to be another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_bytes: Option<u64>,
    /// How the bytes get there.
    pub rung: Rung,
    /// Why that way.
    pub because: String,
    /// The node the app uses it on, if it runs.
    pub node: Option<String>,
    /// Whether it goes over the network from one mover pod to another.
    pub over_network: bool,
    /// What it adds to the outage.
    #[serde(default, skip_serializing_if = "OutageCost::is_unknown")]
    pub outage: OutageCost,
    /// Why so much.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outage_because: String,
}

/// What a claim adds to the time in which the app is down: whether that grows with what is on its volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OutageCost {
    /// A plan of an earlier version does not say.
    #[default]
    Unknown,
    /// Nothing is read.
    Nothing,
    /// Every file is looked at, and the content of those is read that changed since the last warm pass.
    Changes,
    /// The content of the whole volume is read.
    Whole,
}

impl OutageCost {
    /// Whether a plan of an earlier version does not say.
    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

/// The ways of getting a volume's bytes elsewhere, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rung {
    /// Copied while the app runs; only what changed is copied while it is stopped.
    Warm,
    /// Copied while no app runs on it.
    Cold,
    /// Nothing is copied: an earlier volume is taken up again as it is.
    Rebind,
}

/// A set of independent steps, driven together; the next stage begins when all are settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// A verb phrase for people.
    pub name: String,
    /// Whether the app is down in this stage.
    pub app_is_down: bool,
    /// Its steps.
    pub steps: Vec<PlannedStep>,
}

/// A step with what the engine needs to drive it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// Its name.
    pub id: StepId,
    /// How long it may take.
    pub deadline_secs: u64,
    /// Until which stage (by index, exclusive) what it did must stay as it is; none: nobody looks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarded_until: Option<usize>,
    /// What it does.
    pub step: Step,
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

    /// Returns the BLAKE3 of the plan, in hexadecimal. The volumes that a run pins bear it, where only who administers storage can write:
    /// by it a plan that is read back is known to be the one that was carried out.
    #[must_use]
    pub fn digest(&self) -> String {
        blake3::hash(file::to_json(self).as_bytes()).to_hex().to_string()
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
