//! Takes a run to an ending: forward through its stages, and back when something goes wrong while that is still safe.
//!
//! The rule of all failure paths: while the app may not yet have written to the target, going back is always right and is done
//! by itself. Afterwards it is a move of its own, which a person asks for. Journal and lease decide who may act at all.

use futures::future::join_all;
use tokio::sync::watch;

use super::drive::{self, UndoGoal};
use super::ending::{Ending, Trouble};
use super::guard::{Guards, StageVigil};
use super::notice::{Listener, Notice};
use super::seat::{NOTE_WITHIN, Seat};
use super::{gate, warm_copies};
use crate::journal::lease::Lease;
use crate::journal::{Event, Journal, Outcome, RunState, Stand};
use crate::plan::step::Fact;
use crate::plan::{Plan, PlannedStep, Stage, Step};
use crate::steps::{self, Remedy, Standing, StepError, World};

/// One execution of a plan.
pub struct Run<'a> {
    seat: Seat<'a>,
    guards: Guards,
}

impl<'a> Run<'a> {
    /// Prepares an execution. `executor` names this process and must be the holder of the lease.
    pub fn new(
        plan: &'a Plan,
        world: &'a World,
        journal: Journal,
        lease: Lease,
        executor: String,
        listener: &'a dyn Listener,
        interrupts: watch::Receiver<u32>,
    ) -> Self {
        Self { seat: Seat::new(plan, world, journal, lease, executor, listener, interrupts), guards: Guards::default() }
    }

    fn vigil(&self, stage: usize) -> StageVigil<'_, 'a> {
        StageVigil { guards: &self.guards, seat: &self.seat, stage }
    }

    /// Goes forward to the end, or back if something goes wrong in time.
    pub async fn execute(&self) -> Ending {
        if let Some(ended) = self.ended().await {
            return ended;
        }
        if self.seat.state().await.back {
            return self.undo().await;
        }
        match self.seat.leased(self.go_forward()).await {
            Ok(()) => Ending::Completed,
            Err(trouble) => self.answer(trouble).await,
        }
    }

    /// Goes back to before the first step. Only while the app cannot have written to the target.
    pub async fn undo(&self) -> Ending {
        if let Some(ended) = self.ended().await {
            return ended;
        }
        if let Some(bar) = self.way_back_is_barred().await {
            return self.halt(bar).await;
        }
        self.undo_because(None).await
    }

    /// Ends a run that goes back and of which nothing is left, by looking only: what is not as before any more stops it.
    pub async fn close(&self) -> Ending {
        self.seat.only_look();
        self.undo().await
    }

    /// Whether the app may have written to the target: a step that lets it was begun.
    pub fn app_may_have_written(plan: &Plan, state: &RunState) -> bool {
        plan.steps().any(|(_, step)| step.step.lets_app_write() && state.stand(&step.id).is_begun())
    }

    /// Whether the app was started on the target, so that it is all there to go back from. It need not have become ready: one that never does
    /// has to be able to go back. Where nothing is started, what lets others use the claims is asked.
    pub fn app_was_started(plan: &Plan, state: &RunState) -> bool {
        let starts = plan.steps().any(|(_, step)| step.step.starts_app());
        let wanted = plan.steps().filter(|(_, step)| if starts { step.step.starts_app() } else { step.step.lets_app_write() });
        wanted.map(|(_, step)| state.stand(&step.id)).all(Stand::is_done)
    }

    async fn ended(&self) -> Option<Ending> {
        let outcome = self.seat.state().await.outcome?;
        // Whoever ended it may not have come to that.
        self.seat.label_state(outcome.word()).await;
        Some(match outcome {
            Outcome::Completed => Ending::Completed,
            Outcome::Undone => Ending::Undone(None),
        })
    }

    async fn answer(&self, trouble: Trouble) -> Ending {
        let goes_back = match &trouble {
            // With the app untouched there is no hurry: the copy made so far is of use to the next try, unless this target will not do.
            Trouble::Step { remedy, .. } => match remedy {
                Remedy::AnotherPlan => true,
                Remedy::SamePlan => self.seat.is_in_between() || !self.has_copied().await,
                Remedy::Consent => self.seat.is_in_between(),
            },
            // Whoever changed something may have had a reason.
            Trouble::Adrift { .. } => self.seat.is_in_between(),
            Trouble::Silence(_) | Trouble::Journal(_) | Trouble::Interrupted | Trouble::Neighbour => false,
        };
        if goes_back && !Self::app_may_have_written(self.seat.plan, &self.seat.state().await) {
            if let Some(bar) = self.way_back_is_barred().await {
                return self.halt(bar.on_top_of(&trouble)).await;
            }
            self.seat.tell(&Notice::GoingBack { why: trouble.to_string() });
            return self.undo_because(Some(trouble)).await;
        }
        self.halt(trouble).await
    }

    async fn halt(&self, trouble: Trouble) -> Ending {
        self.seat.note_halt(&trouble).await;
        if self.may_take_movers_away(&trouble).await {
            self.take_movers_away().await;
        }
        Ending::Halted(trouble)
    }

    /// Whether anything was copied that another try can take up.
    async fn has_copied(&self) -> bool {
        let state = self.seat.state().await;
        let begun = |step: &PlannedStep| *state.stand(&step.id) != Stand::Untouched;
        self.seat.plan.steps().any(|(_, step)| matches!(step.step, Step::WarmCopy(_)) && begun(step))
    }

    /// Whether the movers only stand in the app's way until somebody takes up the run: it runs beside them, and the run is still ours.
    async fn may_take_movers_away(&self, trouble: &Trouble) -> bool {
        let is_ours = match trouble {
            Trouble::Step { .. } | Trouble::Adrift { .. } | Trouble::Interrupted => true,
            Trouble::Silence(_) | Trouble::Journal(_) | Trouble::Neighbour => false,
        };
        let state = self.seat.state().await;
        is_ours && !state.back && !self.seat.is_in_between() && !Self::app_may_have_written(self.seat.plan, &state)
    }

    /// A mover beside the app holds its volume on a node. Best effort: a mover that hears nothing ends by itself.
    async fn take_movers_away(&self) {
        let state = self.seat.state().await;
        let made = |step: &PlannedStep| *state.stand(&step.id) != Stand::Untouched;
        let movers = self
            .seat
            .plan
            .steps()
            .filter(|(_, step)| step.step.facts().iter().any(|fact| matches!(fact, Fact::StartsMover(_))) && made(step));
        let gone = join_all(movers.map(|(_, step)| steps::undo(&step.step, self.seat.world())));
        drop(tokio::time::timeout(NOTE_WITHIN, gone).await);
    }

    /// What makes it impossible to go back, or would lose what the app wrote: then there is nothing but going on. Once found it is
    /// remembered: that nothing runs on the target any more does not bring back what was written there.
    async fn way_back_is_barred(&self) -> Option<Trouble> {
        let state = self.seat.state().await;
        if let Some((step, why)) = state.barred {
            return Some(Trouble::Adrift { step, why });
        }
        let begun = |step: &PlannedStep| matches!(state.stand(&step.id), Stand::Intended | Stand::Settled(_) | Stand::Found(_));
        for (_, planned) in self.seat.plan.steps().filter(|(_, planned)| begun(planned)) {
            let step = planned.id.clone();
            let bar = steps::bars_way_back(&planned.step, self.seat.world()).await;
            let lasts = bar.is_ok() && !state.back;
            let (Ok(Some(why)) | Err(steps::StepError::Failed { why, .. })) = bar else { continue };
            let why = match state.back {
                false => format!("{why}, so the move cannot be taken back, only go on"),
                true => format!(
                    "{why}; this run was going back already and cannot turn: the target is kept, and the app has to be put on it by hand"
                ),
            };
            if lasts && let Err(trouble) = self.seat.write(Event::Barred { step: step.clone(), why: why.clone() }).await {
                return Some(trouble);
            }
            return Some(Trouble::Adrift { step, why });
        }
        None
    }

    async fn undo_because(&self, because: Option<Trouble>) -> Ending {
        self.seat.forget_trouble();
        match self.seat.leased(self.go_back()).await {
            Ok(()) => Ending::Undone(because),
            Err(trouble) => {
                self.seat.note_halt(&trouble).await;
                let remains = self.remains().await;
                Ending::Stuck { because, trouble, remains }
            }
        }
    }

    async fn go_forward(&self) -> Result<(), Trouble> {
        self.seat.write(self.seat.opened(false)).await?;
        self.seat.note_down();
        let of = self.seat.plan.stages.len();
        for (index, stage) in self.seat.plan.stages.iter().enumerate() {
            if self.is_through(stage.steps.iter()).await {
                continue;
            }
            if let Some(stop) = self.stops_now(stage).await {
                gate::detached(&self.seat, stop).await?;
                // As in the stage before: what the copies rest on is looked after up to the stop.
                self.guards.check(&self.seat, index.saturating_sub(1)).await?;
                warm_copies::renew(&self.seat, &self.vigil(index.saturating_sub(1))).await?;
                gate::passes(&self.seat, stop).await?;
            }
            self.seat.tell(&Notice::Stage { number: index + 1, of, name: stage.name.clone(), back: false });
            self.guards.check(&self.seat, index).await?;
            if !stage.app_is_down {
                self.seat.note_ready();
            }
            let vigil = self.vigil(index);
            self.seat.together(stage.steps.iter().map(|step| drive::forward(&self.seat, Some(&vigil), step))).await?;
            self.seat.note_stage().await;
        }
        self.seat.note_ready();
        self.seat.write(Event::Ended { outcome: Outcome::Completed }).await?;
        self.seat.label_state("completed").await;
        Ok(())
    }

    async fn go_back(&self) -> Result<(), Trouble> {
        self.seat.write(self.seat.opened(true)).await?;
        self.seat.note_down();
        let of = self.seat.plan.stages.len();
        let stops = self.seat.plan.steps().find(|(_, step)| step.step.stops_app()).map_or(0, |(index, _)| index);
        let mut lingering = Vec::new();
        for (index, stage) in self.seat.plan.stages.iter().enumerate().rev() {
            // Only once the step that stopped it is taken back.
            if index < stops {
                self.seat.note_start();
            }
            let state = self.seat.state().await;
            let steps: Vec<&PlannedStep> = stage.steps.iter().filter(|step| self.is_taken_back(step, &state)).collect();
            if steps.is_empty() {
                continue;
            }
            self.seat.tell(&Notice::Stage { number: index + 1, of, name: stage.name.clone(), back: true });
            let until = |step: &PlannedStep| if step.step.may_linger() { UndoGoal::Asked } else { UndoGoal::Seen };
            self.seat.together(steps.iter().map(|step| drive::back(&self.seat, step, until(step)))).await?;
            lingering.extend(steps.into_iter().filter(|step| step.step.may_linger()));
        }
        self.seat.note_start();
        self.seat.note_claims_back();
        self.seat.together(lingering.into_iter().map(|step| drive::back(&self.seat, step, UndoGoal::Seen))).await?;
        self.nothing_is_left().await?;
        self.seat.write(Event::Ended { outcome: Outcome::Undone }).await?;
        self.seat.label_state("undone").await;
        Ok(())
    }

    /// Sees that nothing bears this run's marks of which its journal does not know: one that was cut would else have it that nothing was done.
    async fn nothing_is_left(&self) -> Result<(), Trouble> {
        let state = self.seat.state().await;
        let unknown = |step: &&PlannedStep| *state.stand(&step.id) == Stand::Untouched;
        for planned in self.seat.plan.steps().map(|(_, step)| step).filter(unknown) {
            let step = planned.id.clone();
            match steps::bears_marks(&planned.step, self.seat.world()).await {
                Ok(false) => {}
                Ok(true) => {
                    let why = format!("the journal does not know of this, and it is so: {}", planned.step.does(self.seat.plan.subject()));
                    return Err(Trouble::Step {
                        step,
                        why,
                        hint: Some("its journal is not whole: put it back from a backup".to_owned()),
                        remedy: Remedy::SamePlan,
                    });
                }
                Err(steps::StepError::Api(error)) if error.is_passing() => return Err(Trouble::Silence(error.to_string())),
                Err(error) => return Err(Trouble::of(step, error)),
            }
        }
        Ok(())
    }

    /// The step of a stage that is about to stop the app, which still runs, whatever the journal says of the step: it may have been meant and not done.
    async fn stops_now<'s>(&self, stage: &'s Stage) -> Option<&'s PlannedStep> {
        let step = stage.steps.iter().find(|step| step.step.stops_app())?;
        let standing = steps::observe(&step.step, self.seat.world()).await;
        matches!(standing, Ok(Standing::Before) | Err(StepError::Api(_))).then_some(step)
    }

    /// Whether a step has to be taken back: it was begun, or the stopped app cannot be started without.
    fn is_taken_back(&self, planned: &PlannedStep, state: &RunState) -> bool {
        match state.stand(&planned.id) {
            Stand::Intended | Stand::Settled(_) | Stand::Undoing => true,
            Stand::Untouched | Stand::Found(_) => {
                let was_stopped = self.seat.plan.steps().any(|(_, one)| one.step.stops_app() && state.stand(&one.id).is_begun());
                planned.step.must_be_taken_back() && was_stopped
            }
            Stand::Undone => false,
        }
    }

    async fn is_through(&self, steps: impl Iterator<Item = &PlannedStep>) -> bool {
        let state = self.seat.state().await;
        let mut steps = steps;
        steps.all(|step| state.stand(&step.id).is_done())
    }

    async fn remains(&self) -> Vec<String> {
        let state = self.seat.state().await;
        let begun = |step: &PlannedStep| matches!(state.stand(&step.id), Stand::Intended | Stand::Settled(_) | Stand::Undoing);
        self.seat
            .plan
            .steps()
            .rev()
            .filter(|(_, step)| begun(step))
            .filter_map(|(_, step)| step.step.undoes(self.seat.plan.subject()))
            .collect()
    }
}
