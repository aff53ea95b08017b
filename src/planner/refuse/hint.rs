//! What can be done about each reason not to move: a sentence, or a command to paste. Commands name the namespace, because people plan with
//! `-n` and paste elsewhere.

use super::refusal::{Held, Refusal};
use crate::survey::AppliedBy;

impl Refusal {
    /// What can be done about it in the app's namespace: a sentence or a command to paste.
    pub fn hint(&self, namespace: &str) -> String {
        match self {
            Self::NoPermission { verb, resource, namespace: scope } => {
                let scope = if scope.is_empty() { String::new() } else { format!(" -n {scope}") };
                format!("check with `kubectl auth can-i {verb} {resource}{scope}`; docs/permissions.md has a role with all that is needed")
            }
            Self::NamespaceTerminating(_) | Self::AppTerminating(_) => "nothing can be moved out of it any more".to_owned(),
            Self::UnfinishedRun { run } => {
                format!(
                    "see it with `kubectl stateful status {run} -n {namespace}`; go on with `kubectl stateful execute --resume {run} -n {namespace}`, or go back with `kubectl stateful undo {run} -n {namespace}`"
                )
            }
            Self::NothingToMove { .. } => format!("see its claims with `kubectl get pvc -n {namespace}`"),
            Self::NoSuchClaim { .. } => format!("see the namespace's claims with `kubectl get pvc -n {namespace}`"),
            Self::NoSuchClass { known, .. } => format!("the storage classes are: {}", known.join(", ")),
            Self::SameClass { .. } => "nothing to do; name another class with `--to-storage-class`".to_owned(),
            Self::NotDynamic { .. } => "name a class whose provisioner makes volumes".to_owned(),
            Self::NotBound { claim, .. } => {
                format!("see why with `kubectl describe pvc {claim} -n {namespace}`, or leave it out with `--skip-claim {claim}`")
            }
            Self::ClaimTerminating { claim } => format!("see who uses it with `kubectl describe pvc {claim} -n {namespace}`"),
            Self::VolumeTerminating { volume, .. } => format!("see why with `kubectl describe pv {volume}`"),
            Self::BoundElsewhere { claim, volume, .. } => {
                format!("see both with `kubectl describe pvc {claim} -n {namespace}` and `kubectl describe pv {volume}`")
            }
            Self::BearsOurMark { mark, .. } => format!("take `{mark}` out of the pod template"),
            Self::UnmovableVolume { claim, .. } => format!("leave it in place with `--skip-claim {claim}`"),
            Self::UnknownFinalizer { claim, .. } => {
                format!("find the controller that set it; leave the claim in place with `--skip-claim {claim}`")
            }
            Self::AppFinalizer { app, finalizer, index } => take_off_hint(app, finalizer, *index, namespace),
            Self::PodFinalizer { pod, .. } => {
                format!("find the controller that set it and pause it; see the pod with `kubectl get pod {pod} -n {namespace} -o yaml`")
            }
            Self::ClaimOwned { claim, .. } => format!("change its owner instead, or leave it in place with `--skip-claim {claim}`"),
            Self::AppOwned { .. } => "change the storage class in the owner's own spec, or stop its controller first".to_owned(),
            Self::PodOver { pod, claims, .. } => {
                let plan = |claim: &String| format!("`kubectl stateful plan pvc/{claim} -n {namespace}`");
                let plans: Vec<String> = claims.iter().map(plan).collect();
                format!("{}, and then move by itself what it held: {}", dead_pod_hint(pod, &[], namespace), plans.join(", "))
            }
            Self::NotReady { app, .. } => format!(
                "see why with `kubectl describe {app} -n {namespace}` and its pods; an app that cannot run before it is moved is moved at zero replicas, after `kubectl scale {app} -n {namespace} --replicas 0`"
            ),
            Self::InRollout { app, held, .. } => rollout_hint(app, *held, namespace),
            Self::Applied { by, .. } => pause_hint(by),
            // At zero replicas an autoscaler does nothing, unless it may itself scale from and to zero (`HPAScaleToZero`).
            Self::Autoscaled { kind, name, replicas: 0, .. } if kind == "HorizontalPodAutoscaler" => {
                format!("hold it still with `kubectl patch hpa {name} -n {namespace} --patch '{{\"spec\":{{\"minReplicas\":1}}}}'`")
            }
            Self::Autoscaled { kind, name, replicas, .. } if kind == "HorizontalPodAutoscaler" => {
                format!(
                    "hold it still with `kubectl patch hpa {name} -n {namespace} --patch '{{\"spec\":{{\"minReplicas\":{replicas},\"maxReplicas\":{replicas}}}}}'`"
                )
            }
            Self::Autoscaled { kind, name, .. } if kind == "ScaledObject" => {
                format!("hold it still with `kubectl annotate scaledobject {name} -n {namespace} autoscaling.keda.sh/paused=true`")
            }
            Self::Autoscaled { name, .. } => format!("pause `{name}` first"),
            Self::InUseElsewhere { pod, .. } => {
                format!("stop it first; see it with `kubectl get pod {pod} -n {namespace} -o wide`")
            }
            Self::FsGroup { .. } => {
                "set `fsGroupChangePolicy: OnRootMismatch` in the pod template, or take `fsGroup` out; if the app bears it, add `--fs-group-may-change`".to_owned()
            }
            Self::NotAdmitted { .. } => {
                "mend the object, the policy or the quota, then plan again; a server-side dry run found this, and nothing was changed"
                    .to_owned()
            }
            Self::NamedByTemplate { kind, name, .. } => quiet_hint(kind, name, namespace),
            Self::HeldByDeadPod { pod, finalizers, .. } => dead_pod_hint(pod, finalizers, namespace),
            Self::TooSmall { .. } => "ask for more with `--size`, or leave it out for the size of the old volume".to_owned(),
            Self::OutsideLimits { limit, .. } | Self::MoverOutsideLimits { limit, .. } => {
                format!("see it with `kubectl describe limitrange {limit} -n {namespace}`")
            }
            Self::NoCapacity { .. } => {
                "see what drivers have left with `kubectl get csistoragecapacities --all-namespaces`; make room, or ask for less with `--size`".to_owned()
            }
            Self::OverQuota { quota, .. } => {
                format!(
                    "raise it for the time of the move (`kubectl edit resourcequota {quota} -n {namespace}`), or move fewer claims at a time with `--claim`"
                )
            }
            Self::PodSecurity { .. } => {
                format!(
                    "set `runAsUser` in the app's securityContext, or allow more for the time of the move with `kubectl label namespace {namespace} --overwrite pod-security.kubernetes.io/enforce=baseline`"
                )
            }
            Self::NoUserOfApp => "set `runAsUser` in the app's securityContext, or plan a move without `--run-movers-as-app`".to_owned(),
            Self::NodeClosed { node, is_cordoned: true, .. } => {
                format!(
                    "let pods in again with `kubectl uncordon {node}`, or delete the app's pod there, so that it is started on another node"
                )
            }
            Self::NodeClosed { node, .. } => {
                format!("see it with `kubectl describe node {node}`; delete the app's pod there, so that it is started where it may stay")
            }
            Self::Apart { .. } => "move both, or name a class whose `volumeBindingMode` is `WaitForFirstConsumer`".to_owned(),
            Self::CutOff { .. } => {
                "allow pods with the label `kubectl-stateful.dev/role=mover` to reach one another on TCP; add `--network-is-open` if something else lets them"
                    .to_owned()
            }
            Self::Shared { app, .. } => {
                format!("ask for ReadWriteMany, or scale {app} to one replica first with `kubectl scale {app} -n {namespace} --replicas 1`")
            }
            Self::NoWarmCopy { .. } => "add `--cold` to copy while the app is stopped".to_owned(),
            Self::BadName(_) => "name another run with `--run`".to_owned(),
            Self::NotKept { volume, .. } => format!("see it with `kubectl describe pv {volume}`"),
        }
    }
}

fn rollout_hint(app: &str, held: Held, namespace: &str) -> String {
    let back = format!("take it back with `kubectl rollout undo {app} -n {namespace}`");
    match held {
        Held::No => format!("wait for it with `kubectl rollout status {app} -n {namespace}`, or {back}"),
        Held::ByPartition => format!(
            "finish it with `kubectl patch {app} -n {namespace} --patch '{{\"spec\":{{\"updateStrategy\":{{\"rollingUpdate\":{{\"partition\":0}}}}}}}}'`, or {back}"
        ),
        Held::ByPause => format!("finish it with `kubectl rollout resume {app} -n {namespace}`, and then, if you do not want it, {back}"),
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

fn dead_pod_hint(pod: &str, finalizers: &[String], namespace: &str) -> String {
    let remove = format!("keep its log if you need it, then remove its object with `kubectl delete pod {pod} -n {namespace}`");
    if finalizers.is_empty() { remove } else { format!("{remove}; it goes once `{}` is taken off it", finalizers.join("`, `")) }
}

/// How a finalizer is taken off by hand. The patch says which one is meant, so that it takes off no other.
fn take_off_hint(app: &str, finalizer: &str, index: usize, namespace: &str) -> String {
    let path = format!("/metadata/finalizers/{index}");
    let patch = format!(r#"[{{"op":"test","path":"{path}","value":"{finalizer}"}},{{"op":"remove","path":"{path}"}}]"#);
    format!(
        "find the controller that set it; take it off for the time of the move with `kubectl patch {app} -n {namespace} --type json --patch '{patch}'` and put it back afterwards"
    )
}

/// How each tool is paused, by its own documents.
const PAUSES: [(&str, &str); 9] = [
    ("olm", "scale down the operator that owns it, and OLM's own deployment `olm-operator`, which would scale it up"),
    ("argocd", "switch off automated sync of the Application"),
    (
        "config-sync",
        "stop the RootSync or RepoSync that declares it, or annotate it there with `configmanagement.gke.io/managed: disabled`",
    ),
    ("fleet", "set `paused: true` in the spec of the GitRepo or Bundle"),
    ("kapp", "set `paused: true` in the spec of the App, if kapp-controller applies it"),
    ("crossplane", "annotate the composite or Object with `crossplane.io/paused: \"true\"`"),
    ("karmada", "suspend dispatching in the propagation policy"),
    ("addon-manager", "set the label `addonmanager.kubernetes.io/mode` to `EnsureExists`"),
    ("kluctl", "set `suspend: true` in the spec of the KluctlDeployment"),
];

fn pause_hint(by: &AppliedBy) -> String {
    let AppliedBy { tool, name, .. } = by;
    let flux = |kind: &str| {
        let namespace = by.namespace.as_ref().map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
        format!("`flux suspend {kind} {name}{namespace}`")
    };
    let pause = match tool.as_str() {
        "flux-kustomize" => flux("kustomization"),
        "flux-helm" => flux("helmrelease"),
        _ => PAUSES.iter().find(|(of, _)| of == tool).map_or_else(|| format!("pause {tool}"), |(_, how)| (*how).to_owned()),
    };
    format!("pause it ({pause}), then add `--applier-is-paused`; afterwards change the class at its source, too")
}
