//! [`ClearPods`]: pods of the app that are over are gone. They run nothing, and still keep the claims they name from going
//! (`pvc-protection`, `podUsesPVCForDeletion` in Kubernetes 1.36.3).

use serde_json::Value;

use super::act::Act;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use super::{facts, look};
use crate::cluster::{Delete, Kind};
use crate::plan::End;
use crate::plan::finalizers;
use crate::plan::step::ClearPods;

impl Act for ClearPods {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let left = left(world).await?;
        match left.first() {
            None => Ok(Standing::done("no pod that is over names the claims")),
            Some(pod) if facts::is_terminating(pod) => {
                Ok(Standing::waiting_for(format!("pod {} to be gone{}", facts::name(pod), facts::held(pod, &finalizers::OF_PODS))))
            }
            Some(_) => Ok(Standing::Before),
        }
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        match left(world).await?.iter().find(|pod| !facts::is_terminating(pod)) {
            Some(pod) => delete(world, pod).await,
            None => Ok(()),
        }
    }
}

async fn left(world: &World) -> Result<Vec<Value>, StepError> {
    let pods = look::pods_on(world, world.at(End::Source), &world.claim_names()).await?;
    Ok(pods.into_iter().filter(|pod| facts::is_over(pod) && facts::is_of_app(pod, world.app.kind, &world.app.name)).collect())
}

/// Deletes a pod that is over, this very one.
pub(super) async fn delete(world: &World, pod: &Value) -> Result<(), StepError> {
    let how = Delete { uid: Some(facts::uid(pod).to_owned()), ..Delete::default() };
    world.at(End::Source).delete(&Kind::POD, facts::name(pod), &how).await?;
    Ok(())
}
