//! Facts read out of raw objects, and the few reads that several steps share. Changes nothing.

use serde_json::{Value, json};

use super::{Standing, StepError, World};
use crate::cluster::{self, ApiError, Connection, Kind};
use crate::plan::{finalizers, marks, mover_pod};
use crate::survey::{self, AppKind};

/// A string at a JSON pointer; empty when there is none.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

pub(super) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(super) fn name_of_container(container: &Value) -> &str {
    text(container, "/name")
}

pub(super) fn label<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"]["labels"][key].as_str().unwrap_or_default()
}

pub(super) fn is_terminating(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

pub(super) fn is_of_run(object: &Value, world: &World) -> bool {
    label(object, marks::RUN) == world.run.0
}

/// As [`is_of_run`], of a volume: it is in no namespace, and another namespace may have a run of the same name.
pub(super) fn is_volume_of_run(volume: &Value, world: &World) -> bool {
    is_of_run(volume, world) && label(volume, marks::NAMESPACE) == world.namespace
}

/// Whether a volume is bound to, or reserved for, a claim of this name in the run's namespace. A name alone is anybody's.
pub(super) fn is_for_claim(volume: &Value, world: &World, claim: &str) -> bool {
    text(volume, "/spec/claimRef/namespace") == world.namespace && text(volume, "/spec/claimRef/name") == claim
}

/// The claim a volume names, as `NAMESPACE/NAME`.
pub(super) fn claim_named(volume: &Value) -> String {
    format!("{}/{}", text(volume, "/spec/claimRef/namespace"), text(volume, "/spec/claimRef/name"))
}

/// Whether a volume is the source volume of a slot: by its labels, or by the plan's digest where somebody took those off.
pub(super) fn is_source_of(volume: &Value, world: &World, slot: &str) -> bool {
    let labelled =
        is_volume_of_run(volume, world) && label(volume, marks::ROLE) == marks::ROLE_SOURCE && label(volume, marks::SLOT) == slot;
    labelled || volume["metadata"]["annotations"][marks::PLAN] == world.plan_digest.as_str()
}

/// Whether a volume is the target volume of a slot: by its labels, or by our annotation where somebody took those off.
pub(super) fn is_target_of(volume: &Value, world: &World, slot: &str) -> bool {
    let labelled =
        is_volume_of_run(volume, world) && label(volume, marks::ROLE) == marks::ROLE_TARGET && label(volume, marks::SLOT) == slot;
    labelled || volume["metadata"]["annotations"][marks::TARGET_OF] == target_of(world, slot).as_str()
}

/// What a pinned target volume bears.
pub(super) fn target_annotations(world: &World, slot: &str, claim: &str) -> Value {
    json!({ marks::CLAIM: claim, marks::TARGET_OF: target_of(world, slot), marks::TARGET_PLAN: world.plan_digest })
}

/// Whether a volume's controller has heard that it is reserved for a claim that is to come: only then is the volume `Available`. It goes by what it
/// remembers, and turns away a claim that comes before, to look at it again only at its next round (15 s: `syncVolume`, `syncUnboundClaim` in
/// pkg/controller/volume/persistentvolume). With a uid it was reserved for a claim that has come.
pub(super) fn is_free(volume: &Value) -> bool {
    volume["spec"]["claimRef"]["uid"].is_string() || matches!(text(volume, "/status/phase"), "Available" | "Bound")
}

/// What a step stands at that has reserved a volume.
pub(super) fn reserved(volume: &Value) -> Standing {
    match is_free(volume) {
        true => Standing::done(format!("volume {} is reserved", name(volume))),
        false => Standing::waiting_for(format!("volume {} to be available (it is {})", name(volume), text(volume, "/status/phase"))),
    }
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

/// The claims a pod mounts, by name, generic ephemeral ones included.
pub(super) fn claims_of(pod: &Value) -> Vec<String> {
    let none = Vec::new();
    let volumes = pod["spec"]["volumes"].as_array().unwrap_or(&none);
    volumes
        .iter()
        .filter_map(|volume| match volume["persistentVolumeClaim"]["claimName"].as_str() {
            Some(claim) => Some(claim.to_owned()),
            None => volume.get("ephemeral").map(|_| format!("{}-{}", name(pod), text(volume, "/name"))),
        })
        .collect()
}

/// Whether a pod mounts this claim, or is to.
pub(super) fn names_claim(pod: &Value, claim: &str) -> bool {
    claims_of(pod).iter().any(|one| one == claim)
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

/// Refuses an object that would not go when it is deleted.
pub(super) fn goes(object: &Value, known: &[&str], namespace: &str) -> Result<(), StepError> {
    let Some(finalizer) = finalizers::foreign(object, known).first().copied() else { return Ok(()) };
    let (kind, name) = (text(object, "/kind").to_lowercase(), name(object));
    let why = format!("{kind} {name} has the finalizer `{finalizer}`: it may never go when it is deleted");
    Err(StepError::hinted(why, whose_finalizer(&kind, name, namespace)))
}

/// What keeps a claim that is being deleted, to be put behind a sentence: the pods that name it, in whatever phase, and finalizers.
pub(super) async fn what_holds_claim(world: &World, connection: &Connection, claim: &Value) -> Result<String, StepError> {
    let pods = connection.list(&Kind::POD, &world.namespace, "").await?;
    let by: Vec<String> =
        pods.iter().filter(|pod| names_claim(pod, name(claim))).map(|pod| format!("{}{}", name(pod), over(pod))).collect();
    Ok(match by.as_slice() {
        [] => held(claim, &finalizers::OF_CLAIMS),
        by => format!(": it is named by pod {}{}", by.join(", "), held(claim, &finalizers::OF_CLAIMS)),
    })
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

/// The pods which mount one of the claims and are not the run's movers, whatever they are labelled.
pub(super) async fn pods_on(world: &World, connection: &Connection, claims: &[String]) -> Result<Vec<Value>, StepError> {
    let pods = connection.list(&Kind::POD, &world.namespace, "").await?;
    let uses = |pod: &Value| claims_of(pod).iter().any(|claim| claims.contains(claim));
    Ok(pods.into_iter().filter(uses).filter(|pod| !world.movers.is_like_ours(pod)).collect())
}

/// Names of pods which mount one of the claims, are not the run's movers, and may still run.
pub(super) async fn running_on(world: &World, connection: &Connection, claims: &[String]) -> Result<Vec<String>, StepError> {
    let pods = pods_on(world, connection, claims).await?;
    Ok(pods.iter().filter(|pod| !has_stopped(pod)).map(|pod| name(pod).to_owned()).collect())
}

/// The target volume of a slot, by our labels.
pub(super) async fn target_volume(world: &World, slot: &str) -> Result<Option<Value>, StepError> {
    let selector = format!("{},{}={slot}", marks::volumes_as(&world.namespace, &world.run, marks::ROLE_TARGET), marks::SLOT);
    let mut found = world.target.list(&Kind::VOLUME, "", &selector).await?;
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(StepError::failed(format!("{} volumes are labelled as the target of slot {slot}", found.len()))),
    }
}

/// What [`marks::TARGET_OF`] says of the target volume of a slot.
pub(super) fn target_of(world: &World, slot: &str) -> String {
    format!("{}/{}/{slot}", world.namespace, world.run)
}

/// The target volume of a slot whose labels somebody took off, by our annotation. Reads every volume of the cluster.
pub(super) async fn unlabelled_target_volume(world: &World, slot: &str) -> Result<Option<Value>, StepError> {
    let wanted = target_of(world, slot);
    let all = world.target.list(&Kind::VOLUME, "", "").await?;
    Ok(all.into_iter().find(|volume| volume["metadata"]["annotations"][marks::TARGET_OF] == wanted.as_str()))
}

/// The target volume of a slot, where it must be there.
pub(super) async fn known_target_volume(world: &World, slot: &str) -> Result<Value, StepError> {
    if let Some(volume) = target_volume(world, slot).await? {
        return Ok(volume);
    }
    let found = unlabelled_target_volume(world, slot).await?;
    found.ok_or_else(|| StepError::failed(format!("no volume bears the marks of the target of slot {slot} of run {}", world.run)))
}

/// The last warning event about an object, as `: REASON: MESSAGE`, or nothing. Best effort.
///
/// Not about one of the same name before it: what was wrong with a pod that is gone would be told as what is wrong with this one.
pub(super) async fn last_warning(connection: &Connection, object: &Value) -> String {
    if uid(object).is_empty() {
        return String::new();
    }
    let events = Kind::EVENT.path(text(object, "/metadata/namespace"), None);
    let path = format!("{events}?fieldSelector=involvedObject.uid%3D{}%2Ctype%3DWarning", uid(object));
    let Ok(Some(list)) = connection.get_path(&path).await else { return String::new() };
    let none = Vec::new();
    let events = list["items"].as_array().unwrap_or(&none);
    let time = |event: &Value| [text(event, "/lastTimestamp"), text(event, "/eventTime")].concat();
    let last = events.iter().max_by_key(|event| time(event));
    last.map(|event| format!(": {}: {}", text(event, "/reason"), text(event, "/message").trim())).unwrap_or_default()
}

/// A create whose object may be there from an earlier try of ours: then observing decides.
pub(super) fn made(answer: Result<crate::cluster::Created, ApiError>) -> Result<(), StepError> {
    answer.map(drop).map_err(StepError::from)
}
