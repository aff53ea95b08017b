//! The steps a plan is made of: a closed list of parameter sets, one for each kind of change.
//!
//! A step holds all values it will write and those it will put back. What it does with them is in the room `steps`; what it is
//! called in sentences, in [`super::words`]. It is a file format: see [`super::API_VERSION`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contract::orders;
use crate::survey::AppKind;

/// One change. See each parameter set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "does")]
pub enum Step {
    /// See [`PinReclaim`].
    PinReclaim(PinReclaim),
    /// See [`PinRetention`].
    PinRetention(PinRetention),
    /// See [`ReopenVolume`].
    ReopenVolume(ReopenVolume),
    /// See [`ReserveTarget`].
    ReserveTarget(ReserveTarget),
    /// See [`StartMover`].
    StartMover(StartMover),
    /// See [`AwaitMover`].
    AwaitMover(AwaitMover),
    /// See [`PinTarget`].
    PinTarget(PinTarget),
    /// See [`WarmCopy`].
    WarmCopy(WarmCopy),
    /// See [`Drain`].
    Drain(Drain),
    /// See [`ClearPods`].
    ClearPods(ClearPods),
    /// See [`RemovePod`].
    RemovePod(RemovePod),
    /// See [`LastPass`].
    LastPass(LastPass),
    /// See [`StopMover`].
    StopMover(StopMover),
    /// See [`RemoveSet`].
    RemoveSet(RemoveSet),
    /// See [`ReleaseClaim`].
    ReleaseClaim(ReleaseClaim),
    /// See [`ReleaseStaging`].
    ReleaseStaging(ReleaseStaging),
    /// See [`BindTarget`].
    BindTarget(BindTarget),
    /// See [`AdoptClaim`].
    AdoptClaim(AdoptClaim),
    /// See [`RestoreSet`].
    RestoreSet(RestoreSet),
    /// See [`RestorePod`].
    RestorePod(RestorePod),
    /// See [`ScaleUp`].
    ScaleUp(ScaleUp),
    /// See [`AwaitReady`].
    AwaitReady(AwaitReady),
    /// See [`RestoreRetention`].
    RestoreRetention(RestoreRetention),
    /// See [`SettleTarget`].
    SettleTarget(SettleTarget),
}

/// Sets a source volume's reclaim policy to `Retain` and labels it, so that deleting its claim cannot delete the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinReclaim {
    /// The claim's slot.
    pub slot: String,
    /// The claim, as `NAMESPACE/NAME`.
    pub claim: String,
    /// The volume.
    pub volume: String,
    /// Its uid.
    pub volume_uid: String,
    /// Its policy before.
    pub policy_before: String,
    /// Labels of ours it bore before, from an earlier run; nulls for none.
    pub labels_before: Value,
}

/// Sets a stateful set's claim retention policy to `Retain` for both cases and waits until it no longer owns its claims.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinRetention {
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub set: String,
    /// Its uid.
    pub uid: String,
    /// `spec.persistentVolumeClaimRetentionPolicy` before.
    pub policy_before: Value,
    /// The claims it may own.
    pub claims: Vec<String>,
}

/// Reserves a kept volume for a staging claim, so that only that claim can bind to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReopenVolume {
    /// The claim's slot.
    pub slot: String,
    /// The claim, as `NAMESPACE/NAME`.
    pub claim: String,
    /// The volume.
    pub volume: String,
    /// Its uid.
    pub volume_uid: String,
    /// The namespace of the staging claim.
    pub namespace: String,
    /// The staging claim it is reserved for.
    pub staging: String,
    /// `spec.claimRef` before.
    pub claim_ref_before: Value,
    /// Labels of ours before.
    pub labels_before: Value,
}

/// Creates the staging claim that gets, or takes up, the target volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReserveTarget {
    /// The claim's slot.
    pub slot: String,
    /// The namespace.
    pub namespace: String,
    /// The staging claim.
    pub staging: String,
    /// Whether its volume is made for it, and may be deleted with it when the run is undone.
    pub provisioned: bool,
    /// Whether it must be bound before anything uses it.
    pub binds_at_once: bool,
    /// The claim to create.
    pub manifest: Value,
}

/// Creates a mover pod and waits until it is ready for orders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartMover {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// Volumes that the app has mounted. If their driver refuses a second mount, the mover starts when the app has stopped.
    pub held_by_app: Vec<String>,
    /// The pod to create.
    pub manifest: Value,
}

/// Waits until a mover that the app kept from starting has started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwaitMover {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
}

/// Sets the reclaim policy of the volume a staging claim got to `Retain` and labels it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinTarget {
    /// The claim's slot.
    pub slot: String,
    /// The claim, as `NAMESPACE/NAME`.
    pub claim: String,
    /// The namespace of the staging claim.
    pub namespace: String,
    /// The staging claim.
    pub staging: String,
}

/// The two ends of a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The namespace of the mover pods.
    pub namespace: String,
    /// The pod that reads the source, and writes the target too where `target_pod` is none.
    pub source_pod: String,
    /// The pod that writes the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_pod: Option<String>,
    /// What is copied, by slot.
    pub volumes: Vec<orders::Volume>,
    /// The claims of those volumes, for people.
    pub claims: Vec<String>,
    /// At most this many bytes a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second_max: Option<u64>,
    /// Whether passes beside the running app rest while it wants the disk.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub throttle: bool,
}

/// Copies pass after pass while the app runs, until the last pass is predicted to be short enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WarmCopy {
    /// The ends.
    pub route: Route,
    /// How long the last pass may take.
    pub last_pass_ms_max: u64,
    /// At most so many passes.
    pub passes_max: u32,
    /// Whether it is a failure if it does not come to fit.
    pub insist: bool,
}

/// Scales the app to zero and waits until no pod of it runs on the claims.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// A stateful set or a deployment.
    pub kind: AppKind,
    /// The namespace.
    pub namespace: String,
    /// The app.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its replicas before.
    pub replicas: u32,
    /// What it is, if it is a stateful set, which is made again as it was when the plan was made ([`shape`](super::shape::shape)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
    /// The claims that no pod may use afterwards.
    pub claims: Vec<String>,
}

/// Deletes pods of the app that are over and still name its claims: a claim is not gone before they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClearPods {
    /// What the app is.
    pub kind: AppKind,
    /// The namespace.
    pub namespace: String,
    /// The app.
    pub name: String,
    /// The pods that were over when the plan was made.
    pub pods: Vec<String>,
    /// The claims that no pod that is over may name afterwards.
    pub claims: Vec<String>,
}

/// Deletes a bare pod and waits until it is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovePod {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The claims that no pod may use afterwards.
    pub claims: Vec<String>,
    /// The pod to create when this is undone.
    pub manifest_before: Value,
}

/// Copies what changed since the warm passes and proves both sides equal. Without its receipt nothing is cut over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastPass {
    /// The ends.
    pub route: Route,
}

/// Deletes a mover pod and waits until it is gone: even a completed one holds its claims.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StopMover {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
}

/// Deletes a stateful set and leaves what it owns, so that it cannot make empty claims while they are swapped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveSet {
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// What it is: see [`Drain::shape`].
    pub shape: String,
    /// The set to create when this is undone, with no replicas.
    pub manifest_before: Value,
}

/// Deletes a claim of the app; its volume stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseClaim {
    /// The claim's slot.
    pub slot: String,
    /// The namespace.
    pub namespace: String,
    /// The claim.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The volume it is bound to.
    pub volume: String,
    /// Its uid; empty in plans of earlier versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub volume_uid: String,
    /// The app, as `statefulset/pg`.
    pub app: String,
    /// The claim to create when this is undone, bound to that volume.
    pub manifest_before: Value,
}

/// Deletes a staging claim; its volume stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStaging {
    /// The claim's slot.
    pub slot: String,
    /// The namespace.
    pub namespace: String,
    /// The staging claim.
    pub staging: String,
}

/// Reserves a target volume for the claim's original name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BindTarget {
    /// The claim's slot.
    pub slot: String,
    /// The namespace.
    pub namespace: String,
    /// The claim.
    pub claim: String,
    /// The staging claim it was reserved for.
    pub staging: String,
}

/// Creates the claim under its original name, bound to the target volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdoptClaim {
    /// The claim's slot.
    pub slot: String,
    /// The namespace.
    pub namespace: String,
    /// The claim.
    pub name: String,
    /// The claim to create, but for `spec.volumeName`.
    pub manifest: Value,
}

/// Creates the stateful set again, with its replicas, the new class in its claim templates, and nothing else changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreSet {
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub name: String,
    /// The set to create.
    pub manifest: Value,
}

/// Creates a bare pod again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestorePod {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub name: String,
    /// The uid of the one that was removed.
    pub uid_before: String,
    /// The pod to create.
    pub manifest: Value,
}

/// Scales the app back to its replicas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaleUp {
    /// A stateful set or a deployment.
    pub kind: AppKind,
    /// The namespace.
    pub namespace: String,
    /// The app.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its replicas.
    pub replicas: u32,
}

/// Waits until all replicas are ready. A pod that was put on a node which its volume cannot be reached from is deleted, so that it is
/// put somewhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwaitReady {
    /// What it is.
    pub kind: AppKind,
    /// The namespace.
    pub namespace: String,
    /// The app.
    pub name: String,
    /// The claims that were moved.
    #[serde(default)]
    pub claims: Vec<String>,
}

/// Puts a stateful set's claim retention policy back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreRetention {
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub set: String,
    /// The policy.
    pub policy: Value,
}

/// Gives a target volume the reclaim policy of its class and takes our labels off it: it is the app's now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettleTarget {
    /// The claim's slot.
    pub slot: String,
    /// The namespace of the claim.
    pub namespace: String,
    /// The claim bound to it.
    pub claim: String,
    /// The policy.
    pub policy: String,
}
