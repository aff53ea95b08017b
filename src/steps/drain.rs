//! [`Drain`]: the app at zero replicas, and nothing running on its claims.

use serde_json::{Value, json};

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look};
use crate::cluster::{Kind, Place};
use crate::plan::{End, marks, shape::is_of_shape, step::Drain};
use crate::survey::AppKind;

/// The resource of a scalable app.
pub(super) fn resource(kind: AppKind) -> Result<Kind, StepError> {
    match kind {
        AppKind::StatefulSet => Ok(Kind::STATEFUL_SET),
        AppKind::Deployment => Ok(Kind::DEPLOYMENT),
        AppKind::Pod | AppKind::Claim => Err(StepError::failed(format!("a {} cannot be scaled", kind.word()))),
    }
}

/// Reads a scalable app, which must be there.
pub(super) async fn read(place: &Place, kind: AppKind, name: &str) -> Result<Value, StepError> {
    let found = place.get(&resource(kind)?, name).await?;
    found.ok_or_else(|| StepError::failed(format!("{}/{name} is gone", kind.word())))
}

/// Sets the replicas of a scalable app as it was just read, and marks it or takes the mark off (null).
pub(super) async fn scale(place: &Place, kind: AppKind, app: &Value, replicas: u64, mark: Value) -> Result<(), StepError> {
    let mut metadata = facts::only(app);
    metadata["labels"] = json!({ marks::DRAINED: mark });
    let patch = json!({ "metadata": metadata, "spec": { "replicas": replicas } });
    place.patch(&resource(kind)?, facts::name(app), &patch).await?;
    Ok(())
}

/// Starts a scalable app again. Whoever has scaled it meanwhile meant that number.
pub(super) async fn scale_up(place: &Place, kind: AppKind, app: &Value, count: u32) -> Result<(), StepError> {
    let count = if replicas(app) == 0 { u64::from(count) } else { replicas(app) };
    scale(place, kind, app, count, Value::Null).await
}

pub(super) fn replicas(app: &Value) -> u64 {
    app["spec"]["replicas"].as_u64().unwrap_or(1)
}

fn generation(app: &Value) -> u64 {
    app["metadata"]["generation"].as_u64().unwrap_or(0)
}

/// The generation that the app got when this run scaled it to zero. Each later change of its spec makes another one, also one
/// that was taken back again, after which the app may have written.
fn drained(app: &Value, world: &World) -> Option<u64> {
    facts::label(app, marks::DRAINED).strip_prefix(&world.run.0)?.strip_prefix('.')?.parse().ok()
}

/// Whether a run has stopped the app and not yet started it again.
pub(super) fn is_marked(app: &Value) -> bool {
    !facts::label(app, marks::DRAINED).is_empty()
}

/// Whether a scalable app has no replicas, and nobody changed it since it was stopped, if this run stopped it.
pub(super) fn is_as_stopped(app: &Value, world: &World) -> bool {
    replicas(app) == 0 && drained(app, world).is_none_or(|then| then == generation(app))
}

impl Act for Drain {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let app = read(world.at(End::Source), world.app.kind, &world.app.name).await?;
        let now = replicas(&app);
        let adrift = |what: &str| Ok(Standing::Adrift(format!("{} {what}{}", world.app.reference(), facts::last_writer(&app))));
        match drained(&app, world) {
            None if world.app.shape.as_ref().is_some_and(|planned| !is_of_shape(&app, planned)) => {
                return adrift("was changed since the plan was made");
            }
            None if now == u64::from(world.app.replicas) => return Ok(Standing::Before),
            None => return adrift(&format!("was scaled to {now}")),
            Some(then) if then != generation(&app) => return adrift(&format!("was changed while it was stopped (it has {now} replicas)")),
            Some(_) => {}
        }
        let pods = look::pods_on(world, world.at(End::Source), &world.claim_names()).await?;
        let left: Vec<&str> = pods.iter().filter(|pod| !facts::has_stopped(pod)).map(facts::name).collect();
        if left.is_empty() {
            return Ok(Standing::done("no pod runs on the claims"));
        }
        // One that is held keeps those from stopping that are to stop after it.
        let held: String = pods.iter().filter(|pod| facts::is_terminating(pod)).map(facts::held_pod).collect();
        Ok(Standing::waiting_for(format!("{} to stop{held}", left.join(", "))))
    }

    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        let app = read(world.at(End::Source), world.app.kind, &world.app.name).await?;
        let is_back = !is_marked(&app) && replicas(&app) > 0;
        Ok(if is_back { Standing::Before } else { Standing::done("stopped") })
    }

    async fn bears_marks(&self, world: &World) -> Result<bool, StepError> {
        let found = world.at(End::Source).get(&resource(world.app.kind)?, &world.app.name).await?;
        Ok(found.is_some_and(|app| drained(&app, world).is_some()))
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let app = read(world.at(End::Source), world.app.kind, &world.app.name).await?;
        if facts::uid(&app) != world.app.uid {
            return Err(StepError::failed(format!("{} is another one than was planned for", world.app.reference())));
        }
        // The version just read is the patch's condition, so this change makes the very next generation.
        let mark = json!(format!("{}.{}", world.run, generation(&app) + 1));
        scale(world.at(End::Source), world.app.kind, &app, 0, mark).await
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let app = read(world.at(End::Source), world.app.kind, &world.app.name).await?;
        scale_up(world.at(End::Source), world.app.kind, &app, world.app.replicas).await
    }
}
