//! What a claim, its volume or whoever holds it has against being moved: each reason with what was found, and what can be done about it.
//!
//! A hint is a sentence, or a command to paste. Commands name the namespace, because people plan with `-n` and paste elsewhere.

use thiserror::Error;

use super::dead_pod::dead_pod_hint;

/// A reason that a claim gives.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ClaimReason {
    /// Nothing is left to move.
    #[error("{app} has no claim to move")]
    NothingToMove {
        /// The app.
        app: String,
    },
    /// A claim was named that the app does not have.
    #[error("{app} has no claim `{claim}`")]
    NoSuchClaim {
        /// The app.
        app: String,
        /// The claim.
        claim: String,
    },
    /// A claim is not bound.
    #[error("claim `{claim}` is {phase}, not Bound")]
    NotBound {
        /// The claim.
        claim: String,
        /// Its phase.
        phase: String,
    },
    /// A claim is being deleted.
    #[error("claim `{claim}` is being deleted")]
    ClaimTerminating {
        /// The claim.
        claim: String,
    },
    /// A volume is being deleted.
    #[error("volume `{volume}` of claim `{claim}` is being deleted")]
    VolumeTerminating {
        /// The claim.
        claim: String,
        /// The volume.
        volume: String,
    },
    /// A volume says that it belongs to another claim.
    #[error("claim `{claim}` says it is on volume `{volume}`, and that is bound to `{bound_to}`")]
    BoundElsewhere {
        /// The claim.
        claim: String,
        /// The volume.
        volume: String,
        /// What the volume says.
        bound_to: String,
    },
    /// A volume cannot be moved for what it is made of.
    #[error("claim `{claim}` is on a {source_kind} volume, which cannot be moved: {why}")]
    UnmovableVolume {
        /// The claim.
        claim: String,
        /// `hostPath` or the like.
        source_kind: String,
        /// Why not.
        why: &'static str,
    },
    /// A finalizer of somebody's controller on a claim, which is deleted and made again.
    #[error("claim `{claim}` has the finalizer `{finalizer}`: its controller would act when the claim is deleted")]
    UnknownFinalizer {
        /// The claim.
        claim: String,
        /// The finalizer.
        finalizer: String,
    },
    /// A claim is controlled by something that would make it anew or delete it.
    #[error("claim `{claim}` is controlled by {owner}, which would put it back")]
    ClaimOwned {
        /// The claim.
        claim: String,
        /// Its controller.
        owner: String,
    },
    /// Somebody else mounts a claim.
    #[error("claim `{claim}` is mounted by pod `{pod}`, which is not part of {app}")]
    InUseElsewhere {
        /// The claim.
        claim: String,
        /// The pod.
        pod: String,
        /// The app.
        app: String,
    },
    /// Something else may start a pod on a claim.
    #[error("{kind} `{name}` names claim `{claim}` in its template, and may start a pod on it at any time")]
    NamedByTemplate {
        /// The claim.
        claim: String,
        /// `CronJob` or the like.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The object of somebody else's pod that is over would keep a claim from being deleted.
    #[error("pod `{pod}`, which is over ({why}) and not part of {app}, still names claim `{claim}`: the claim could not be deleted")]
    HeldByDeadPod {
        /// The claim.
        claim: String,
        /// The pod.
        pod: String,
        /// Why it is over: `Evicted`, or its phase.
        why: String,
        /// The app.
        app: String,
        /// Its finalizers: until they are taken off it stays.
        finalizers: Vec<String>,
    },
    /// Replicas that share a claim could not run on several nodes any more.
    #[error("claim `{claim}` is shared by the {replicas} replicas of {app}: with access mode {modes} they cannot run on several nodes")]
    Shared {
        /// The claim.
        claim: String,
        /// The app.
        app: String,
        /// Its replicas.
        replicas: u32,
        /// The modes that were asked for.
        modes: String,
    },
    /// A name of ours would not be a valid name.
    #[error("{0}")]
    BadName(String),
}

impl ClaimReason {
    /// Returns what can be done about it in the app's namespace.
    pub(super) fn hint(&self, namespace: &str) -> String {
        match self {
            Self::NothingToMove { .. } => format!("see its claims with `kubectl get pvc -n {namespace}`"),
            Self::NoSuchClaim { .. } => format!("see the namespace's claims with `kubectl get pvc -n {namespace}`"),
            Self::NotBound { claim, .. } => {
                format!("see why with `kubectl describe pvc {claim} -n {namespace}`, or leave it out with `--skip-claim {claim}`")
            }
            Self::ClaimTerminating { claim } => format!("see who uses it with `kubectl describe pvc {claim} -n {namespace}`"),
            Self::VolumeTerminating { volume, .. } => format!("see why with `kubectl describe pv {volume}`"),
            Self::BoundElsewhere { claim, volume, .. } => {
                format!("see both with `kubectl describe pvc {claim} -n {namespace}` and `kubectl describe pv {volume}`")
            }
            Self::UnmovableVolume { claim, .. } => format!("leave it in place with `--skip-claim {claim}`"),
            Self::UnknownFinalizer { claim, .. } => {
                format!("find the controller that set it; leave the claim in place with `--skip-claim {claim}`")
            }
            Self::ClaimOwned { claim, .. } => format!("change its owner instead, or leave it in place with `--skip-claim {claim}`"),
            Self::InUseElsewhere { pod, .. } => {
                format!("stop it first; see it with `kubectl get pod {pod} -n {namespace} -o wide`")
            }
            Self::NamedByTemplate { kind, name, .. } => quiet_hint(kind, name, namespace),
            Self::HeldByDeadPod { pod, finalizers, .. } => dead_pod_hint(pod, finalizers, namespace),
            Self::Shared { app, .. } => {
                format!("ask for ReadWriteMany, or scale {app} to one replica first with `kubectl scale {app} -n {namespace} --replicas 1`")
            }
            Self::BadName(_) => "name another run with `--run`".to_owned(),
        }
    }
}

/// How something that starts pods is kept from it for the time of a move.
fn quiet_hint(kind: &str, name: &str, namespace: &str) -> String {
    let resource = kind.to_lowercase();
    let now = match kind {
        "CronJob" | "Job" => format!("`kubectl patch {resource} {name} -n {namespace} --patch '{{\"spec\":{{\"suspend\":true}}}}'`"),
        "DaemonSet" => {
            return format!("take the claim out of its template, or delete it (`kubectl get {resource} {name} -n {namespace} -o yaml`)");
        }
        _ => format!("`kubectl scale {resource}/{name} -n {namespace} --replicas 0`"),
    };
    format!("hold it still with {now}, and put that back after the move")
}
