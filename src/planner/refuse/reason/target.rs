//! What keeps the target from taking the data: each reason with what was found, and what can be done about it.
//!
//! A hint is a sentence, or a command to paste. Commands name the namespace, because people plan with `-n` and paste elsewhere.

use thiserror::Error;

/// A reason that the target gives.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum TargetReason {
    /// The class does not exist.
    #[error("there is no storage class `{class}`")]
    NoSuchClass {
        /// The class.
        class: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// Everything is in that class already.
    #[error("{claim} is in storage class `{class}` already")]
    SameClass {
        /// The claim or claims.
        claim: String,
        /// The class.
        class: String,
    },
    /// The class makes no volumes.
    #[error("storage class `{class}` provisions no volumes (its provisioner is `{provisioner}`)")]
    NotDynamic {
        /// The class.
        class: String,
        /// The provisioner.
        provisioner: String,
    },
    /// The kubelet would change the group and modes of what was copied.
    #[error(
        "on {to} the kubelet would give fsGroup {group} and its modes to every file of claim `{claim}`; on {from} it did not. A database that checks modes may not start"
    )]
    FsGroup {
        /// The claim.
        claim: String,
        /// By what it is served.
        from: String,
        /// By what it would be.
        to: String,
        /// The group.
        group: u64,
    },
    /// A limit range does not allow a claim of that size.
    #[error("claim `{claim}` has {size} and limit range `{limit}` allows {bound}")]
    OutsideLimits {
        /// The claim.
        claim: String,
        /// Its size.
        size: String,
        /// The limit range.
        limit: String,
        /// `at most 1Gi` or `at least 1Gi`.
        bound: String,
    },
    /// A driver has no room for a new volume.
    #[error("claim `{claim}` needs a volume of {size} of storage class `{class}`, and its driver has no room for that {place}")]
    NoCapacity {
        /// The claim.
        claim: String,
        /// The class.
        class: String,
        /// Where not.
        place: String,
        /// The size of the volume.
        size: String,
    },
    /// The new volume would not hold what is on the old one.
    #[error("claim `{claim}` cannot move to a volume of {size}: {why}")]
    TooSmall {
        /// The claim.
        claim: String,
        /// The size asked for.
        size: String,
        /// What is known of what has to fit in.
        why: String,
    },
    /// A claim that stays might not be reached from where the new volume is.
    #[error(
        "claim `{stays}` stays where it is, and storage class `{class}` may make the new volume of claim `{claim}` where no node reaches both"
    )]
    Apart {
        /// The claim that is moved.
        claim: String,
        /// The one that stays.
        stays: String,
        /// The class.
        class: String,
    },
    /// A kept volume is not there any more, or in use.
    #[error("volume `{volume}` of claim `{claim}` cannot be taken up again: {why}")]
    NotKept {
        /// The claim.
        claim: String,
        /// The volume.
        volume: String,
        /// Why.
        why: String,
    },
}

impl TargetReason {
    /// Returns what can be done about it in the app's namespace.
    pub(super) fn hint(&self, namespace: &str) -> String {
        match self {
            Self::NoSuchClass { known, .. } => format!("the storage classes are: {}", known.join(", ")),
            Self::SameClass { .. } => "nothing to do; name another class with `--to-storage-class`".to_owned(),
            Self::NotDynamic { .. } => "name a class whose provisioner makes volumes".to_owned(),
            Self::FsGroup { .. } => {
                "set `fsGroupChangePolicy: OnRootMismatch` in the pod template, or take `fsGroup` out; if the app bears it, add `--fs-group-may-change`".to_owned()
            }
            Self::TooSmall { .. } => "ask for more with `--size`, or leave it out for the size of the old volume".to_owned(),
            Self::OutsideLimits { limit, .. } => {
                format!("see it with `kubectl describe limitrange {limit} -n {namespace}`")
            }
            Self::NoCapacity { .. } => {
                "see what drivers have left with `kubectl get csistoragecapacities --all-namespaces`; make room, or ask for less with `--size`".to_owned()
            }
            Self::Apart { .. } => "move both, or name a class whose `volumeBindingMode` is `WaitForFirstConsumer`".to_owned(),
            Self::NotKept { volume, .. } => format!("see it with `kubectl describe pv {volume}`"),
        }
    }
}
