//! Facts read out of raw objects: what they are called, whose they are, whether they run, what holds them. No reads, no changes.

use serde_json::{Value, json};

use crate::cluster;
use crate::plan::{finalizers, mover_pod};
use crate::survey::object::mounted_claims;
pub(super) use crate::survey::object::{is_terminating, name, text, uid};
use crate::survey::{self, AppKind};

pub(super) fn name_of_container(container: &Value) -> &str {
    text(container, "/name")
}

pub(super) fn label<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"]["labels"][key].as_str().unwrap_or_default()
}

/// The claim a volume names, as `NAMESPACE/NAME`.
pub(super) fn claim_named(volume: &Value) -> String {
    format!("{}/{}", text(volume, "/spec/claimRef/namespace"), text(volume, "/spec/claimRef/name"))
}

/// Whether a volume's controller has heard that it is reserved for a claim that is to come: only then is the volume `Available`. It goes by what it
/// remembers, and turns away a claim that comes before, to look at it again only at its next round (15 s: `syncVolume`, `syncUnboundClaim` in
/// pkg/controller/volume/persistentvolume). With a uid it was reserved for a claim that has come.
pub(super) fn is_free(volume: &Value) -> bool {
    volume["spec"]["claimRef"]["uid"].is_string() || matches!(text(volume, "/status/phase"), "Available" | "Bound")
}

pub(super) fn reclaim_policy(volume: &Value) -> &str {
    text(volume, "/spec/persistentVolumeReclaimPolicy")
}

/// Who wrote the object last, other than us: ` (last written by MANAGER at TIME)`, or nothing.
pub(super) fn last_writer(object: &Value) -> String {
    cluster::last_other_writer(object).map(|writer| writer.to_string()).unwrap_or_default()
}

/// `metadata` of a patch that applies to this very object only.
pub(super) fn only(object: &Value) -> Value {
    json!({ "uid": object["metadata"]["uid"], "resourceVersion": object["metadata"]["resourceVersion"] })
}

/// Whether a pod mounts this claim, or is to.
pub(super) fn names_claim(pod: &Value, claim: &str) -> bool {
    mounted_claims(pod).iter().any(|one| one == claim)
}

/// Whether a pod has run to its end, of whatever kind, and its object is still there.
pub(super) fn is_over(pod: &Value) -> bool {
    survey::is_over(text(pod, "/status/phase"))
}

/// How a pod ended that is over, to be put behind its name: ` (Failed, Evicted)`; of one that is not, nothing.
pub(super) fn over(pod: &Value) -> String {
    match (is_over(pod), text(pod, "/status/phase"), text(pod, "/status/reason")) {
        (false, _, _) => String::new(),
        (true, phase, "") => format!(" ({phase})"),
        (true, phase, reason) => format!(" ({phase}, {reason})"),
    }
}

/// Whether a pod is one of an app's, as its controller names it and marks it. A pod of a set that was deleted without its pods has no owner any more.
pub(super) fn is_of_app(pod: &Value, kind: AppKind, app: &str) -> bool {
    let controllers = pod["metadata"]["ownerReferences"].as_array().into_iter().flatten().filter(|owner| owner["controller"] == true);
    let controller = controllers.map(|owner| (text(owner, "/kind"), text(owner, "/name"))).next();
    let is_replica = |name: &str| name.strip_prefix(app).and_then(|tail| tail.strip_prefix('-')).is_some_and(|tail| !tail.contains('-'));
    match kind {
        AppKind::StatefulSet => {
            let is_named = is_replica(name(pod)) && label(pod, "statefulset.kubernetes.io/pod-name") == name(pod);
            controller.map_or(is_named, |owner| owner == ("StatefulSet", app))
        }
        AppKind::Deployment => controller.is_some_and(|(kind, set)| kind == "ReplicaSet" && is_replica(set)),
        AppKind::Pod => name(pod) == app && controller.is_none(),
        AppKind::Claim => false,
    }
}

/// What keeps an object that is being deleted, to be put behind a sentence: its finalizers, as far as they are not among those that go by themselves.
pub(super) fn held(object: &Value, known: &[&str]) -> String {
    match finalizers::foreign(object, known).as_slice() {
        [] => String::new(),
        all => format!(": it is held by the finalizer `{}`", all.join("`, `")),
    }
}

/// As [`held`], of a pod among others, with its name.
pub(super) fn held_pod(pod: &Value) -> String {
    match held(pod, &finalizers::OF_PODS) {
        by if by.is_empty() => by,
        by => format!(" (pod {}{by})", name(pod)),
    }
}

/// How whoever put a finalizer on an object is found.
pub(super) fn whose_finalizer(kind: &str, name: &str, namespace: &str) -> String {
    format!("find whose it is, and take it off for the time of the move: kubectl get {kind} {name} -n {namespace} -o yaml")
}

/// Whether nothing in a pod can run any more: it is over, or it is being deleted and every container has ended.
pub(super) fn has_stopped(pod: &Value) -> bool {
    if is_over(pod) {
        return true;
    }
    let mut statuses = statuses(pod).peekable();
    let was_placed = !text(pod, "/spec/nodeName").is_empty();
    is_terminating(pod) && (!was_placed || statuses.peek().is_some() && statuses.all(|status| status["state"]["terminated"].is_object()))
}

/// What is known of each container of a pod.
fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    let all = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"];
    all.into_iter().flat_map(|field| pod["status"][field].as_array().into_iter().flatten())
}

/// A container that ended so often is not started again soon, nor with another outcome.
const RESTARTS_MAX: u64 = 4;

/// Whether a pod will not run any more: it is over and did not succeed (its node was short of something, say), or it ends again and again.
pub(super) fn is_lost(pod: &Value) -> bool {
    text(pod, "/status/phase") == "Failed" || crashes(pod)
}

/// Whether the mover's own container ends again and again.
fn crashes(pod: &Value) -> bool {
    let status = mover_pod::status(pod);
    let waits = text(status, "/state/waiting/reason") == "CrashLoopBackOff";
    waits && status["restartCount"].as_u64().unwrap_or(0) >= RESTARTS_MAX
}

/// Whether the mover's own container has ended well, whatever else still runs in its pod.
pub(super) fn mover_is_through(pod: &Value) -> bool {
    let ended = &mover_pod::status(pod)["state"]["terminated"];
    text(pod, "/status/phase") == "Succeeded" || ended.is_object() && ended["exitCode"] == 0
}

/// Whether somebody makes the pod again when it is deleted.
pub(super) fn is_controlled(pod: &Value) -> bool {
    pod["metadata"]["ownerReferences"].as_array().is_some_and(|owners| owners.iter().any(|owner| owner["controller"] == true))
}

/// Whether no container of a pod was started yet.
pub(super) fn never_ran(pod: &Value) -> bool {
    let started = |status: &Value| ["state", "lastState"].iter().any(|when| is_more_than_waiting(&status[*when]));
    !statuses(pod).any(started)
}

fn is_more_than_waiting(state: &Value) -> bool {
    state["running"].is_object() || state["terminated"].is_object()
}
