//! [`ScaleUp`]: the app back at its replicas.

use super::act::Act;
use super::drain;
use super::failure::StepError;
use super::standing::Standing;
use super::world::World;
use crate::plan::End;
use crate::plan::step::ScaleUp;

impl Act for ScaleUp {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let app = drain::read(world.at(End::Target), world.app.kind, &world.app.name).await?;
        let now = drain::replicas(&app);
        if now == 0 || drain::is_marked(&app) {
            return Ok(Standing::Before);
        }
        // Whoever has started it already meant that number.
        Ok(Standing::done(format!("{now} replicas")))
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        let app = drain::read(world.at(End::Target), world.app.kind, &world.app.name).await?;
        drain::scale_up(world.at(End::Target), world.app.kind, &app, world.app.replicas).await
    }
}
