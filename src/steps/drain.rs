//! [`Drain`]: the app at zero replicas, and nothing running on its claims.

use serde_json::{Value, json};

use super::{Act, Standing, StepError, World, look};
use crate::cluster::{Connection, Kind, Patch};
use crate::plan::step::Drain;
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
pub(super) async fn read(connection: &Connection, kind: AppKind, namespace: &str, name: &str) -> Result<Value, StepError> {
    let found = connection.get(&resource(kind)?, namespace, name).await?;
    found.ok_or_else(|| StepError::failed(format!("{}/{name} is gone", kind.word())))
}

/// Sets the replicas of a scalable app as it was just read.
pub(super) async fn scale(connection: &Connection, kind: AppKind, namespace: &str, app: &Value, replicas: u32) -> Result<(), StepError> {
    let patch = json!({ "metadata": look::only(app), "spec": { "replicas": replicas } });
    connection.patch(&resource(kind)?, namespace, look::name(app), &Patch::Merge(patch)).await?;
    Ok(())
}

pub(super) fn replicas(app: &Value) -> u64 {
    app["spec"]["replicas"].as_u64().unwrap_or(1)
}

impl Act for Drain {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let app = read(&world.source, self.kind, &self.namespace, &self.name).await?;
        let now = replicas(&app);
        if now == u64::from(self.replicas) {
            return Ok(Standing::Before);
        }
        if now != 0 {
            let who = look::last_writer(&app);
            return Ok(Standing::Adrift(format!("{}/{} was scaled to {now}{who}", self.kind.word(), self.name)));
        }
        let left = look::running_on(&world.source, &self.namespace, &self.claims).await?;
        if left.is_empty() {
            return Ok(Standing::done("no pod runs on the claims"));
        }
        Ok(Standing::waiting_for(format!("{} to stop", left.join(", "))))
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let app = read(&world.source, self.kind, &self.namespace, &self.name).await?;
        if look::uid(&app) != self.uid {
            return Err(StepError::failed(format!("{}/{} is another one than was planned for", self.kind.word(), self.name)));
        }
        scale(&world.source, self.kind, &self.namespace, &app, 0).await
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let app = read(&world.source, self.kind, &self.namespace, &self.name).await?;
        scale(&world.source, self.kind, &self.namespace, &app, self.replicas).await
    }
}
