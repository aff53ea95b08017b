//! What the app has against being moved: each reason with what was found, and what can be done about it.
//!
//! A hint is a sentence, or a command to paste. Commands name the namespace, because people plan with `-n` and paste elsewhere.

use thiserror::Error;

use super::applier_pause::pause_hint;
use super::dead_pod::dead_pod_hint;
use crate::survey::AppliedBy;

/// A reason that the app gives.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum AppReason {
    /// The namespace is being deleted.
    #[error("namespace `{0}` is being deleted")]
    NamespaceTerminating(String),
    /// The app is being deleted.
    #[error("{0} is being deleted")]
    AppTerminating(String),
    /// A record says that an earlier run on the app is not finished. Whoever may write config maps there can make one.
    #[error("config map `stateful-{run}-plan-0` says that run `{run}` on this app is not finished")]
    UnfinishedRun {
        /// That run.
        run: String,
    },
    /// The app's pods bear marks by which our own objects are known.
    #[error("the pods of {app} bear `{mark}`, by which pods of ours are known")]
    BearsOurMark {
        /// The app.
        app: String,
        /// The label or annotation.
        mark: String,
    },
    /// The same on the app, which is deleted and made again.
    #[error("{app} has the finalizer `{finalizer}`: it would be deleted only once the controller behind that lets it go")]
    AppFinalizer {
        /// The app.
        app: String,
        /// The finalizer.
        finalizer: String,
        /// Where it stands in `metadata.finalizers`.
        index: usize,
    },
    /// The same on a pod of the app, which has to go before its claims can.
    #[error("pod `{pod}` of {app} has the finalizer `{finalizer}`: it would go only once the controller behind that lets it go")]
    PodFinalizer {
        /// The app.
        app: String,
        /// The pod.
        pod: String,
        /// The finalizer.
        finalizer: String,
    },
    /// The app is controlled by an operator.
    #[error("{app} is controlled by {owner}, which would put it back")]
    AppOwned {
        /// The app.
        app: String,
        /// Its controller.
        owner: String,
    },
    /// A pod without a controller that has run to its end would be run once more.
    #[error("pod `{pod}` is over ({why}): a move makes it again, and it would run a second time")]
    PodOver {
        /// The pod.
        pod: String,
        /// Why it is over: `Evicted`, or its phase.
        why: String,
        /// The claims it names.
        claims: Vec<String>,
    },
    /// Replicas that are not ready keep others from being started again.
    #[error("{app} is not ready: {}; what the move breaks could not be told from what was broken before. Replicas that run now might not come back", .replicas.join(", "))]
    NotReady {
        /// The app.
        app: String,
        /// Its replicas that are not ready.
        replicas: Vec<String>,
    },
    /// Not all pods run the newest template; after the move all of them would.
    #[error("{app} is in the middle of a rollout{}: {found}; after the move all pods would run the newest template", .held.words())]
    InRollout {
        /// The app.
        app: String,
        /// Which pods run what.
        found: String,
        /// What holds the rollout back.
        held: RolloutHold,
    },
    /// A tool applies the app or a claim again and again.
    #[error("{app} is applied by {} (`{}`), which would put it back", .by.tool, .by.name)]
    Applied {
        /// The app or the claim.
        app: String,
        /// The tool and its object.
        by: AppliedBy,
    },
    /// An autoscaler would scale the app while it is moved.
    #[error("{kind} `{name}` scales {app}")]
    Autoscaled {
        /// The app.
        app: String,
        /// The autoscaler's kind.
        kind: String,
        /// Its name.
        name: String,
        /// Replicas now.
        replicas: u32,
    },
}

impl AppReason {
    /// Returns what can be done about it in the app's namespace.
    pub(super) fn hint(&self, namespace: &str) -> String {
        match self {
            Self::NamespaceTerminating(_) | Self::AppTerminating(_) => "nothing can be moved out of it any more".to_owned(),
            Self::UnfinishedRun { run } => {
                format!(
                    "see it with `kubectl stateful status {run} -n {namespace}`. Go on with `kubectl stateful execute --resume {run} -n {namespace}`, or go back with `kubectl stateful undo {run} -n {namespace}`"
                )
            }
            Self::BearsOurMark { mark, .. } => format!("take `{mark}` out of the pod template"),
            Self::AppFinalizer { app, finalizer, index } => take_off_hint(app, finalizer, *index, namespace),
            Self::PodFinalizer { pod, .. } => {
                format!("find the controller that set it and pause it; see the pod with `kubectl get pod {pod} -n {namespace} -o yaml`")
            }
            Self::AppOwned { .. } => "change the storage class in the owner's own spec, or stop its controller first".to_owned(),
            Self::PodOver { pod, claims, .. } => {
                let plan = |claim: &String| format!("`kubectl stateful plan pvc/{claim} -n {namespace}`");
                let plans: Vec<String> = claims.iter().map(plan).collect();
                format!("{}, and then move by itself what it held: {}", dead_pod_hint(pod, &[], namespace), plans.join(", "))
            }
            Self::NotReady { app, .. } => format!(
                "see why with `kubectl describe {app} -n {namespace}` and its pods. An app that cannot run before it is moved is moved at zero replicas, after `kubectl scale {app} -n {namespace} --replicas 0`"
            ),
            Self::InRollout { app, held, .. } => rollout_hint(app, *held, namespace),
            Self::Applied { by, .. } => pause_hint(by),
            Self::Autoscaled { kind, name, replicas, .. } => stand_still_hint(kind, name, *replicas, namespace),
        }
    }
}

/// What holds a rollout back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutHold {
    /// Nothing: it is under way, or stuck.
    No,
    /// `spec.updateStrategy.rollingUpdate.partition` of a stateful set.
    ByPartition,
    /// `spec.paused` of a deployment.
    ByPause,
}

impl RolloutHold {
    fn words(self) -> &'static str {
        match self {
            Self::No => "",
            Self::ByPartition => ", which its partition holds back",
            Self::ByPause => ", which is paused",
        }
    }
}

fn rollout_hint(app: &str, held: RolloutHold, namespace: &str) -> String {
    let back = format!("take it back with `kubectl rollout undo {app} -n {namespace}`");
    match held {
        RolloutHold::No => format!("wait for it with `kubectl rollout status {app} -n {namespace}`, or {back}"),
        RolloutHold::ByPartition => format!(
            "finish it with `kubectl patch {app} -n {namespace} --patch '{{\"spec\":{{\"updateStrategy\":{{\"rollingUpdate\":{{\"partition\":0}}}}}}}}'`, or {back}"
        ),
        RolloutHold::ByPause => {
            format!("finish it with `kubectl rollout resume {app} -n {namespace}`, and then, if you do not want it, {back}")
        }
    }
}

/// How a finalizer is taken off by hand. The patch says which one is meant, so that it takes off no other.
fn take_off_hint(app: &str, finalizer: &str, index: usize, namespace: &str) -> String {
    let path = format!("/metadata/finalizers/{index}");
    let patch = format!(r#"[{{"op":"test","path":"{path}","value":"{finalizer}"}},{{"op":"remove","path":"{path}"}}]"#);
    format!(
        "find the controller that set it. Take it off for the time of the move with `kubectl patch {app} -n {namespace} --type json --patch '{patch}'`, and put it back afterwards"
    )
}

/// How an autoscaler is kept from scaling the app.
fn stand_still_hint(kind: &str, name: &str, replicas: u32, namespace: &str) -> String {
    match (kind, replicas) {
        // At zero replicas it does nothing, unless it may itself scale from and to zero (`HPAScaleToZero`).
        ("HorizontalPodAutoscaler", 0) => {
            format!("hold it still with `kubectl patch hpa {name} -n {namespace} --patch '{{\"spec\":{{\"minReplicas\":1}}}}'`")
        }
        ("HorizontalPodAutoscaler", _) => format!(
            "hold it still with `kubectl patch hpa {name} -n {namespace} --patch '{{\"spec\":{{\"minReplicas\":{replicas},\"maxReplicas\":{replicas}}}}}'`"
        ),
        ("ScaledObject", _) => {
            format!("hold it still with `kubectl annotate scaledobject {name} -n {namespace} autoscaling.keda.sh/paused=true`")
        }
        _ => format!("pause `{name}` first"),
    }
}
