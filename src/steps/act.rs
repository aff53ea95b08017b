//! The one shape of all steps.

use serde_json::Value;

use super::failure::StepError;
use super::standing::Standing;
use super::world::World;

/// The one shape of all steps.
pub(super) trait Act {
    /// Compares the world with the goal.
    async fn observe(&self, world: &World) -> Result<Standing, StepError>;

    /// As [`Act::observe`], asked while going back: what somebody else made of it since may be as good as before.
    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        self.observe(world).await
    }

    /// Makes one change towards the goal. Called from [`Standing::Before`] only.
    async fn act(&self, world: &World) -> Result<(), StepError>;

    /// What of the object that this step takes away is to be noted before: a merge patch of its metadata; none: nothing.
    async fn notes(&self, world: &World) -> Result<Option<Value>, StepError> {
        let _ = world;
        Ok(None)
    }

    /// Has what was done noticed by those it is for; changes nothing else. Called after [`Progress::remind_after`].
    async fn remind(&self, world: &World) -> Result<(), StepError> {
        let _ = world;
        Ok(())
    }

    /// What stands in the way of taking the run back, now that this step was begun; none: nothing.
    async fn bars_way_back(&self, world: &World) -> Result<Option<String>, StepError> {
        let _ = world;
        Ok(None)
    }

    /// Whether what the step had movers do is known to those that will make the last pass.
    async fn is_known_to_movers(&self, world: &World) -> Result<bool, StepError> {
        let _ = world;
        Ok(true)
    }

    /// Whether something bears the marks of this run by this step's doing.
    async fn bears_marks(&self, world: &World) -> Result<bool, StepError> {
        let _ = world;
        Ok(false)
    }

    /// Makes one change back. Called from [`Standing::Underway`] and [`Standing::After`] only, and only for steps of which
    /// [`Step::undoes`] says something.
    async fn undo(&self, world: &World) -> Result<(), StepError> {
        let _ = world;
        Ok(())
    }
}
