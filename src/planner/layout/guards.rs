//! Until which stage the work of each step is guarded. A step names its [`Guard`]; here it becomes the index of a stage.

use crate::plan::step::Guard;
use crate::plan::{Stage, Step};

/// Says until when each step's work must stand untouched.
pub(super) fn guard(stages: &mut [Stage]) {
    let moments = Moments::of(stages);
    for (index, stage) in stages.iter_mut().enumerate() {
        for step in &mut stage.steps {
            step.guarded_until = moments.end_of(step.step.guard()).filter(|limit| *limit > index + 1);
        }
    }
}

/// The stages, by index, with which guards end.
struct Moments {
    stop: Option<usize>,
    set_is_removed: Option<usize>,
    release: Option<usize>,
    adoption: Option<usize>,
    start: Option<usize>,
    started: Option<usize>,
    end: usize,
}

impl Moments {
    fn of(stages: &[Stage]) -> Self {
        let first = |picks: fn(&Step) -> bool| stages.iter().position(|stage| stage.steps.iter().any(|step| picks(&step.step)));
        let start = first(Step::lets_app_write);
        // Looked at up to the last moment, but no longer than until we ourselves put policies back.
        let settle = first(|step| matches!(step, Step::SettleTarget(_)));
        Self {
            stop: first(Step::stops_app),
            set_is_removed: first(|step| matches!(step, Step::RemoveSet(_))),
            release: first(|step| matches!(step, Step::ReleaseClaim(_))),
            adoption: first(|step| matches!(step, Step::AdoptClaim(_))),
            start,
            started: start.map(|start| settle.map_or(start + 1, |settle| settle.min(start + 1))),
            end: stages.len(),
        }
    }

    fn end_of(&self, guard: Guard) -> Option<usize> {
        match guard {
            Guard::Nothing => None,
            Guard::UntilStop => self.stop,
            Guard::UntilSetIsRemoved => self.set_is_removed.or(self.start),
            Guard::UntilSetIsRemovedOrAdopted => self.set_is_removed.or(self.adoption),
            Guard::UntilRelease => self.release,
            Guard::UntilReleaseOrEnd => self.release.or(Some(self.end)),
            Guard::UntilAdoption => self.adoption,
            Guard::UntilStart => self.start,
            Guard::UntilStarted => self.started,
        }
    }
}
