//! [`ScaleUp`]: the app back at its replicas.

use super::{Act, Standing, StepError, World, drain, look};
use crate::plan::step::ScaleUp;

impl Act for ScaleUp {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let app = drain::read(&world.target, self.kind, &self.namespace, &self.name).await?;
        let now = drain::replicas(&app);
        if now == u64::from(self.replicas) {
            return Ok(Standing::done(format!("{now} replicas")));
        }
        if now != 0 {
            let who = look::last_writer(&app);
            return Ok(Standing::Adrift(format!("{}/{} was scaled to {now}{who}", self.kind.word(), self.name)));
        }
        Ok(Standing::Before)
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let app = drain::read(&world.target, self.kind, &self.namespace, &self.name).await?;
        drain::scale(&world.target, self.kind, &self.namespace, &app, self.replicas).await
    }
}
