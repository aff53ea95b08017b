//! The few reads that several steps share, and what they make of them. Changes nothing.

use serde_json::{Value, json};

use super::facts;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use crate::cluster::{ApiError, Kind, Place};
use crate::plan::{ClaimMove, End, Slot, finalizers, marks};
use crate::survey::object::mounted_claims;

pub(super) fn is_of_run(object: &Value, world: &World) -> bool {
    facts::label(object, marks::RUN) == world.run.0
}

/// As [`is_of_run`], of a volume: it is in no namespace, and another namespace may have a run of the same name.
pub(super) fn is_volume_of_run(volume: &Value, world: &World) -> bool {
    is_of_run(volume, world) && facts::label(volume, marks::NAMESPACE) == world.namespace
}

/// Whether a volume is bound to, or reserved for, a claim of this name in this place. A name alone is anybody's.
pub(super) fn is_for_claim(volume: &Value, place: &Place, claim: &str) -> bool {
    facts::text(volume, "/spec/claimRef/namespace") == place.namespace && facts::text(volume, "/spec/claimRef/name") == claim
}

/// Whether a volume is the source volume of a slot: by its labels, or by the plan's digest where somebody took those off.
pub(super) fn is_source_of(volume: &Value, world: &World, slot: &Slot) -> bool {
    let labelled = is_volume_of_run(volume, world)
        && facts::label(volume, marks::ROLE) == marks::ROLE_SOURCE
        && facts::label(volume, marks::SLOT) == slot.0;
    labelled || volume["metadata"]["annotations"][marks::PLAN] == world.plan_digest.as_str()
}

/// Whether a volume is the target volume of a slot: by its labels, or by our annotation where somebody took those off.
pub(super) fn is_target_of(volume: &Value, world: &World, slot: &Slot) -> bool {
    let labelled = is_volume_of_run(volume, world)
        && facts::label(volume, marks::ROLE) == marks::ROLE_TARGET
        && facts::label(volume, marks::SLOT) == slot.0;
    labelled || volume["metadata"]["annotations"][marks::TARGET_OF] == target_of(world, slot).as_str()
}

/// What a pinned target volume bears.
pub(super) fn target_annotations(world: &World, moved: &ClaimMove) -> Value {
    let claim = world.full_name(End::Target, &moved.claim);
    json!({ marks::CLAIM: claim, marks::TARGET_OF: target_of(world, &moved.slot), marks::TARGET_PLAN: world.plan_digest })
}

/// What a step stands at that has reserved a volume.
pub(super) fn reserved(volume: &Value) -> Standing {
    match facts::is_free(volume) {
        true => Standing::done(format!("volume {} is reserved", facts::name(volume))),
        false => Standing::waiting_for(format!(
            "volume {} to be available (it is {})",
            facts::name(volume),
            facts::text(volume, "/status/phase")
        )),
    }
}

/// Refuses an object that would not go when it is deleted.
pub(super) fn goes(object: &Value, known: &[&str], namespace: &str) -> Result<(), StepError> {
    let Some(finalizer) = finalizers::foreign(object, known).first().copied() else { return Ok(()) };
    let (kind, name) = (facts::text(object, "/kind").to_lowercase(), facts::name(object));
    let why = format!("{kind} {name} has the finalizer `{finalizer}`: it may never go when it is deleted");
    Err(StepError::hinted(why, facts::whose_finalizer(&kind, name, namespace)))
}

/// What keeps a claim that is being deleted, to be put behind a sentence: the pods that name it, in whatever phase, and finalizers.
pub(super) async fn what_holds_claim(place: &Place, claim: &Value) -> Result<String, StepError> {
    let pods = place.list(&Kind::POD, "").await?;
    let by: Vec<String> = pods
        .iter()
        .filter(|pod| facts::names_claim(pod, facts::name(claim)))
        .map(|pod| format!("{}{}", facts::name(pod), facts::over(pod)))
        .collect();
    Ok(match by.as_slice() {
        [] => facts::held(claim, &finalizers::OF_CLAIMS),
        by => format!(": it is named by pod {}{}", by.join(", "), facts::held(claim, &finalizers::OF_CLAIMS)),
    })
}

/// The pods which mount one of the claims and are not the run's movers, whatever they are labelled.
pub(super) async fn pods_on(world: &World, place: &Place, claims: &[String]) -> Result<Vec<Value>, StepError> {
    let pods = place.list(&Kind::POD, "").await?;
    let uses = |pod: &Value| mounted_claims(pod).iter().any(|claim| claims.contains(claim));
    Ok(pods.into_iter().filter(uses).filter(|pod| !world.movers.is_like_ours(pod)).collect())
}

/// Names of pods which mount one of the claims, are not the run's movers, and may still run.
pub(super) async fn running_on(world: &World, place: &Place, claims: &[String]) -> Result<Vec<String>, StepError> {
    let pods = pods_on(world, place, claims).await?;
    Ok(pods.iter().filter(|pod| !facts::has_stopped(pod)).map(|pod| facts::name(pod).to_owned()).collect())
}

/// The target volume of a slot, by our labels.
pub(super) async fn target_volume(world: &World, slot: &Slot) -> Result<Option<Value>, StepError> {
    let selector = format!("{},{}={slot}", marks::volumes_as(&world.namespace, &world.run, marks::ROLE_TARGET), marks::SLOT);
    let mut found = world.at(End::Target).list(&Kind::VOLUME, &selector).await?;
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(StepError::failed(format!("{} volumes are labelled as the target of slot {slot}", found.len()))),
    }
}

/// What [`marks::TARGET_OF`] says of the target volume of a slot.
pub(super) fn target_of(world: &World, slot: &Slot) -> String {
    format!("{}/{}/{slot}", world.namespace, world.run)
}

/// The target volume of a slot whose labels somebody took off, by our annotation. Reads every volume of the cluster.
pub(super) async fn unlabelled_target_volume(world: &World, slot: &Slot) -> Result<Option<Value>, StepError> {
    let wanted = target_of(world, slot);
    let all = world.at(End::Target).list(&Kind::VOLUME, "").await?;
    Ok(all.into_iter().find(|volume| volume["metadata"]["annotations"][marks::TARGET_OF] == wanted.as_str()))
}

/// The target volume of a slot, where it must be there.
pub(super) async fn known_target_volume(world: &World, slot: &Slot) -> Result<Value, StepError> {
    if let Some(volume) = target_volume(world, slot).await? {
        return Ok(volume);
    }
    let found = unlabelled_target_volume(world, slot).await?;
    found.ok_or_else(|| StepError::failed(format!("no volume bears the marks of the target of slot {slot} of run {}", world.run)))
}

/// The last warning event about an object, as `: REASON: MESSAGE`, or nothing. Best effort.
///
/// Not about one of the same name before it: what was wrong with a pod that is gone would be told as what is wrong with this one.
pub(super) async fn last_warning(place: &Place, object: &Value) -> String {
    if facts::uid(object).is_empty() {
        return String::new();
    }
    let events = Kind::EVENT.path(facts::text(object, "/metadata/namespace"), None);
    let path = format!("{events}?fieldSelector=involvedObject.uid%3D{}%2Ctype%3DWarning", facts::uid(object));
    let Ok(Some(list)) = place.connection.get_path(&path).await else { return String::new() };
    let none = Vec::new();
    let events = list["items"].as_array().unwrap_or(&none);
    let time = |event: &Value| [facts::text(event, "/lastTimestamp"), facts::text(event, "/eventTime")].concat();
    let last = events.iter().max_by_key(|event| time(event));
    last.map(|event| format!(": {}: {}", facts::text(event, "/reason"), facts::text(event, "/message").trim())).unwrap_or_default()
}

/// A create whose object may be there from an earlier try of ours: then observing decides.
pub(super) fn made(answer: Result<crate::cluster::Creation, ApiError>) -> Result<(), StepError> {
    answer.map(drop).map_err(StepError::from)
}
