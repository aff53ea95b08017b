//! [`AwaitReady`]: the app is up. Changes nothing.

use serde_json::Value;

use super::{Act, Standing, StepError, World, drain, look};
use crate::cluster::Kind;
use crate::plan::step::AwaitReady;
use crate::survey::AppKind;

impl Act for AwaitReady {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let (ready, wanted) = match self.kind {
            AppKind::Claim => (0, 0),
            AppKind::Pod => {
                let pod = world.target.get(&Kind::POD, &self.namespace, &self.name).await?.unwrap_or_default();
                (u64::from(is_ready(&pod)), 1)
            }
            AppKind::StatefulSet | AppKind::Deployment => {
                let app = drain::read(&world.target, self.kind, &self.namespace, &self.name).await?;
                let seen = app["status"]["observedGeneration"].as_u64() >= app["metadata"]["generation"].as_u64();
                // As many as it is to have by now: somebody may have scaled it meanwhile.
                (app["status"]["readyReplicas"].as_u64().filter(|_| seen).unwrap_or(0), drain::replicas(&app))
            }
        };
        if ready >= wanted {
            return Ok(Standing::done(format!("{ready} of {wanted} ready")));
        }
        let first = if self.kind == AppKind::StatefulSet { format!("{}-{ready}", self.name) } else { self.name.clone() };
        let warning = look::last_warning(&world.target, &self.namespace, &first).await;
        Ok(Standing::waiting_for(format!("{}/{} to be ready ({ready} of {wanted}){warning}", self.kind.word(), self.name)))
    }

    async fn act(&self, _: &World) -> Result<(), StepError> {
        Ok(())
    }
}

fn is_ready(pod: &Value) -> bool {
    let none = Vec::new();
    let conditions = pod["status"]["conditions"].as_array().unwrap_or(&none);
    conditions.iter().any(|one| look::text(one, "/type") == "Ready" && look::text(one, "/status") == "True")
}
