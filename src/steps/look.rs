//! Facts read out of raw objects, and the few reads that several steps share. Changes nothing.

use serde_json::{Value, json};

use super::{StepError, World};
use crate::cluster::{self, ApiError, Connection, Kind};
use crate::plan::marks;

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

/// Whether nothing in a pod can run any more: it is over, or it is being deleted and every container has ended.
pub(super) fn has_stopped(pod: &Value) -> bool {
    if matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
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

/// Whether a pod's only container ends again and again.
fn crashes(pod: &Value) -> bool {
    let waits = text(pod, "/status/containerStatuses/0/state/waiting/reason") == "CrashLoopBackOff";
    waits && pod.pointer("/status/containerStatuses/0/restartCount").and_then(Value::as_u64).unwrap_or(0) >= RESTARTS_MAX
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
