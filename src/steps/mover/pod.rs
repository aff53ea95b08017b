//! What several steps do with, and read of, a mover pod.

use serde_json::Value;

use crate::cluster::{Delete, Kind};
use crate::plan::mover_pod;
use crate::steps::failure::StepError;
use crate::steps::world::World;
use crate::steps::{facts, look};

/// Where it says why a pod is lost, the most telling first.
fn whys(pod: &Value) -> [&str; 4] {
    let status = mover_pod::status(pod);
    [
        facts::text(status, "/lastState/terminated/message"),
        facts::text(pod, "/status/message"),
        facts::text(pod, "/status/reason"),
        facts::text(status, "/lastState/terminated/reason"),
    ]
}

/// Why a mover pod is lost.
pub(super) fn failed(namespace: &str, pod: &Value) -> StepError {
    let name = facts::name(pod);
    let why = whys(pod).into_iter().find(|why| !why.is_empty()).unwrap_or("no reason is given");
    StepError::hinted(format!("mover pod {name} failed: {why}"), format!("kubectl describe pod -n {namespace} {name}"))
}

/// Deletes a mover pod of this run, if it is there.
pub(super) async fn delete_pod(world: &World, name: &str) -> Result<(), StepError> {
    let Some(pod) = world.at_mover(name).get(&Kind::POD, name).await? else { return Ok(()) };
    if look::is_of_run(&pod, world) && !facts::is_terminating(&pod) {
        let how = Delete { uid: Some(facts::uid(&pod).to_owned()), ..Delete::default() };
        world.at_mover(name).delete(&Kind::POD, name, &how).await?;
    }
    Ok(())
}
