//! [`AwaitReady`]: the app is up. Changes nothing, but where a pod was put on a node that its volume cannot be reached from.
//!
//! The scheduler goes by what it remembers of claims. If it did not hear of all changes yet, as after an outage of the API server, it still
//! knows a claim of before the move and puts the pod where the old volume could be; there the kubelet refuses the new one, for good. Such a
//! pod never started. It is deleted, and its controller makes another one; a pod without a controller is left to its owner.

use std::collections::BTreeMap;

use serde_json::Value;

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{drain, facts, look};
use crate::cluster::{ApiError, Delete, Kind};
use crate::plan::reach::reaches;
use crate::plan::step::AwaitReady;
use crate::plan::{App, End};
use crate::survey::AppKind;
use crate::survey::object::{is_ready, mounted_claims};

impl Act for AwaitReady {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let App { kind, name, .. } = &world.app;
        let app = match kind {
            AppKind::Claim => Value::Null,
            AppKind::Pod => world.at(End::Target).get(&Kind::POD, name).await?.unwrap_or_default(),
            AppKind::StatefulSet | AppKind::Deployment => drain::read(world.at(End::Target), *kind, name).await?,
        };
        let (ready, wanted) = match kind {
            AppKind::Claim => (0, 0),
            AppKind::Pod => (u64::from(is_ready(&app)), 1),
            AppKind::StatefulSet | AppKind::Deployment => {
                let seen = app["status"]["observedGeneration"].as_u64() >= app["metadata"]["generation"].as_u64();
                // As many as it is to have by now: somebody may have scaled it meanwhile.
                (app["status"]["readyReplicas"].as_u64().filter(|_| seen).unwrap_or(0), drain::replicas(&app))
            }
        };
        if ready >= wanted {
            return Ok(Standing::done(format!("{ready} of {wanted} ready")));
        }
        let late = late(world).await?;
        let why = match late.first() {
            Some(pod) => what_holds(world, pod).await,
            // Its controller is refused the pod, if anything.
            None => look::last_warning(world.at(End::Target), &app).await,
        };
        // Reads that are seldom worth while: without a warning there is nothing wrong yet.
        if !why.is_empty() && misplaced(world, &late).await?.is_some() {
            return Ok(Standing::Before);
        }
        Ok(Standing::waiting_for(format!("{} to be ready ({ready} of {wanted}){why}", world.app.reference())))
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let late = late(world).await?;
        let Some(pod) = misplaced(world, &late).await? else { return Ok(()) };
        let how = Delete { uid: Some(facts::uid(pod).to_owned()), ..Delete::default() };
        world.at(End::Target).delete(&Kind::POD, facts::name(pod), &how).await?;
        Ok(())
    }
}

/// The app's pods that are not ready, as far as they mount what was moved.
async fn late(world: &World) -> Result<Vec<Value>, StepError> {
    let pods = look::pods_on(world, world.at(End::Target), &world.claim_names()).await?;
    Ok(pods.into_iter().filter(|pod| !is_ready(pod)).collect())
}

/// What keeps a pod from being ready, as far as anybody says, to be put behind a sentence.
async fn what_holds(world: &World, pod: &Value) -> String {
    let warning = look::last_warning(world.at(End::Target), pod).await;
    // A scheduler that is down warns of nothing.
    match facts::text(pod, "/spec/nodeName") {
        "" if warning.is_empty() => format!(": no node has been chosen for pod {}", facts::name(pod)),
        _ => warning,
    }
}

/// The first of these pods that its controller will make again, that never ran, and that is on a node outside a volume's affinity.
async fn misplaced<'a>(world: &World, pods: &'a [Value]) -> Result<Option<&'a Value>, StepError> {
    let stays = |pod: &&Value| facts::is_controlled(pod) && !facts::is_terminating(pod) && !facts::text(pod, "/spec/nodeName").is_empty();
    let waiting: Vec<&Value> = pods.iter().filter(stays).filter(|pod| facts::never_ran(pod)).collect();
    if waiting.is_empty() {
        return Ok(None);
    }
    let nodes = match world.at(End::Target).list(&Kind::NODE, "").await {
        // The survey does without nodes too: then the pod is left where it is, and its warning told.
        Err(ApiError::Forbidden(_)) => return Ok(None),
        nodes => nodes?,
    };
    for pod in waiting {
        let Some(node) = nodes.iter().find(|node| facts::name(node) == facts::text(pod, "/spec/nodeName")) else { continue };
        let labels: BTreeMap<String, String> = serde_json::from_value(node["metadata"]["labels"].clone()).unwrap_or_default();
        for claim in mounted_claims(pod) {
            let Some(claim) = world.at(End::Target).get(&Kind::CLAIM, &claim).await? else { continue };
            let volume = world.at(End::Target).get(&Kind::VOLUME, facts::text(&claim, "/spec/volumeName")).await?;
            if volume.is_some_and(|volume| !reaches(&labels, volume["spec"].get("nodeAffinity"))) {
                return Ok(Some(pod));
            }
        }
    }
    Ok(None)
}
