//! The labels and annotations by which objects of ours, and objects we changed, are known.
//!
//! The values are one constant each; nothing outside this file spells the prefix.

use serde_json::{Value, json};

use super::RunId;
use crate::survey::object;

/// Label: the run an object belongs to.
pub const RUN: &str = "kubectl-stateful.dev/run";
/// Label on volumes, which are in no namespace themselves: the namespace of the run. A run's name is its own only there.
pub const NAMESPACE: &str = "kubectl-stateful.dev/namespace";
/// Label: what the object is to the run: `source`, `target`, `staging` or `mover`.
pub const ROLE: &str = "kubectl-stateful.dev/role";
/// Label: which claim of the run it stands for ([`crate::plan::ClaimMove::slot`]).
pub const SLOT: &str = "kubectl-stateful.dev/slot";
/// Annotation: the claim as `NAMESPACE/NAME`.
pub const CLAIM: &str = "kubectl-stateful.dev/claim";
/// Annotation on a target volume: the uid of its staging claim.
pub const STAGING_UID: &str = "kubectl-stateful.dev/staging-uid";
/// Annotation on a target volume: `NAMESPACE/RUN/SLOT`, as its labels say too. By it the volume is found again when somebody took those off.
pub const TARGET_OF: &str = "kubectl-stateful.dev/target-of";
/// Annotation on a source volume: the digest of the plan that its run carries out ([`Plan::digest`](super::Plan::digest)). Volumes are
/// the only objects of a run that a tenant of its namespace cannot write.
pub const PLAN: &str = "kubectl-stateful.dev/plan-digest";
/// The same on a target volume, which may be a source volume of an earlier run too.
pub const TARGET_PLAN: &str = "kubectl-stateful.dev/target-plan-digest";
/// Annotation on a source volume: its reclaim policy before the run.
pub const POLICY_BEFORE: &str = "kubectl-stateful.dev/policy-before";
/// Annotation on a mover pod: its orders.
pub const ORDERS: &str = "kubectl-stateful.dev/orders";
/// Annotation on a mover pod: what earlier passes predicted, in milliseconds.
pub const PASSES: &str = "kubectl-stateful.dev/passes";
/// Annotation on a mover pod: how often it was changed only for its kubelet to look at it again, see [`REMIND_AFTER`].
///
/// [`REMIND_AFTER`]: crate::contract::orders::REMIND_AFTER
pub const REMINDED: &str = "kubectl-stateful.dev/reminded";
/// Label on a stopped app: the run that stopped it and the generation it got by that, as `RUN.GENERATION`. A label, because a
/// deployment's annotations are copied to its replica sets, and back by a rollback.
pub const DRAINED: &str = "kubectl-stateful.dev/drained";
/// Label on journal objects: `plan` or `journal`.
pub const RECORD: &str = "kubectl-stateful.dev/record";
/// Label on journal objects: the [`app_key`] of the app.
pub const APP: &str = "kubectl-stateful.dev/app";
/// Label on the plan's record: how far the run is.
pub const STATE: &str = "kubectl-stateful.dev/state";
/// Label: the conventional name of the tool that made an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`].
pub const US: &str = "kubectl-stateful";

/// [`ROLE`] of a volume that was the app's before the run.
pub const ROLE_SOURCE: &str = "source";
/// [`ROLE`] of a volume that becomes the app's.
pub const ROLE_TARGET: &str = "target";
/// [`ROLE`] of a claim that holds a target volume until it is adopted.
pub const ROLE_STAGING: &str = "staging";
/// [`ROLE`] of a mover pod.
pub const ROLE_MOVER: &str = "mover";

/// The annotation that changes a pod and nothing else of it, each time to another value.
pub fn reminder(pod: &Value) -> Value {
    let so_far = object::annotation(pod, REMINDED).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    json!({ REMINDED: so_far.saturating_add(1).to_string() })
}

/// The labels of a volume of a run.
pub fn of_volume(namespace: &str, run: &RunId, role: &str, slot: &str) -> Value {
    json!({ NAMESPACE: namespace, RUN: run, ROLE: role, SLOT: slot })
}

/// The prefix of every label and annotation of ours.
pub const PREFIX: &str = "kubectl-stateful.dev/";

/// The annotation that holds the plan's digest on a volume in a role.
#[must_use]
pub fn plan_of(role: &str) -> &'static str {
    if role == ROLE_TARGET { TARGET_PLAN } else { PLAN }
}

/// A patch of labels that takes those of [`of_volume`] off.
pub fn off_volume() -> Value {
    json!({ NAMESPACE: null, RUN: null, ROLE: null, SLOT: null })
}

/// A patch of annotations that takes those off which a volume bears as a target.
pub fn off_target() -> Value {
    json!({ CLAIM: null, STAGING_UID: null, TARGET_OF: null, TARGET_PLAN: null, PLAN: null, POLICY_BEFORE: null })
}

/// The label selector of all volumes of a run, whatever their role.
pub fn volumes_of(namespace: &str, run: &RunId) -> String {
    format!("{NAMESPACE}={namespace},{RUN}={run}")
}

/// The label selector of the volumes of one role in a run.
pub fn volumes_as(namespace: &str, run: &RunId, role: &str) -> String {
    format!("{},{ROLE}={role}", volumes_of(namespace, run))
}

/// A short key for an app within its namespace. Made from its kind and name and not its uid, because a stateful set is made anew in
/// the course of a move.
pub fn app_key(kind: crate::survey::AppKind, name: &str) -> String {
    let digest = blake3::hash(format!("{}/{name}", kind.word()).as_bytes());
    digest.to_hex()[..16].to_owned()
}
