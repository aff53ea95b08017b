//! The labels and annotations by which objects of ours, and objects we changed, are known.
//!
//! The values are one constant each; nothing outside this file spells the prefix.

/// Label: the run an object belongs to.
pub const RUN: &str = "kubectl-stateful.dev/run";
/// Label: what the object is to the run: `source`, `target`, `staging` or `mover`.
pub const ROLE: &str = "kubectl-stateful.dev/role";
/// Label: which claim of the run it stands for ([`crate::plan::ClaimMove::slot`]).
pub const SLOT: &str = "kubectl-stateful.dev/slot";
/// Annotation: the claim as `NAMESPACE/NAME`.
pub const CLAIM: &str = "kubectl-stateful.dev/claim";
/// Annotation on a target volume: the uid of its staging claim.
pub const STAGING_UID: &str = "kubectl-stateful.dev/staging-uid";
/// Annotation on a target volume: `RUN/SLOT`, as its labels say too. By it the volume is found again when somebody took those off.
pub const TARGET_OF: &str = "kubectl-stateful.dev/target-of";
/// Annotation on a mover pod: its orders.
pub const ORDERS: &str = "kubectl-stateful.dev/orders";
/// Annotation on a mover pod: what earlier passes predicted, in milliseconds.
pub const PASSES: &str = "kubectl-stateful.dev/passes";
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

/// A short key for an app within its namespace. Made from its kind and name and not its uid, because a stateful set is made anew in
/// the course of a move.
pub fn app_key(kind: crate::survey::AppKind, name: &str) -> String {
    let digest = blake3::hash(format!("{}/{name}", kind.word()).as_bytes());
    digest.to_hex()[..16].to_owned()
}
