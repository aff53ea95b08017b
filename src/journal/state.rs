//! The state of a run as a pure fold of its events. An event that cannot follow is rejected, live and on replay alike. So
//! a journal which was cut, reordered or written by two hands is noticed and not believed.

use std::collections::BTreeMap;

use serde_json::Value;

use thiserror::Error;

use super::event::{Entry, Event, Evidence, Outcome, VERSION};
use crate::plan::StepId;

/// Where one step stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Stand {
    /// Not begun.
    #[default]
    Untouched,
    /// It was meant to be done; whether it was is for the world to say.
    Intended,
    /// It was done.
    Settled(Evidence),
    /// It was done before we came.
    Found(Evidence),
    /// It was meant to be taken back.
    Undoing,
    /// It was taken back, or there was nothing to take back.
    Undone,
}

impl Stand {
    /// Whether what the step is for may be so, by us or by others, and is not taken back.
    pub fn is_begun(&self) -> bool {
        match self {
            Self::Untouched | Self::Undone => false,
            Self::Intended | Self::Settled(_) | Self::Found(_) | Self::Undoing => true,
        }
    }

    /// Whether the step is at its goal.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Settled(_) | Self::Found(_))
    }
}

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunState {
    /// How many entries were folded.
    pub sequence: u64,
    /// The digest of the last.
    pub last_digest: String,
    /// Who opened it last.
    pub executor: String,
    /// The digest of the plan it is the journal of; empty where no entry says so.
    pub plan: String,
    /// Whether it goes back.
    pub back: bool,
    /// Why it stopped, if it stands still.
    pub halted: Option<String>,
    /// What makes it impossible to go back, and the step that found it.
    pub barred: Option<(StepId, String)>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    steps: BTreeMap<StepId, Stand>,
    renewals: BTreeMap<StepId, u32>,
    noted: BTreeMap<StepId, Value>,
}

/// Why an entry cannot follow.
#[derive(Debug, Error, PartialEq)]
pub enum IllegalEvent {
    /// It was written by a newer version of this tool.
    #[error("entry {sequence} has version {version}; this tool reads {VERSION}")]
    Version {
        /// Which entry.
        sequence: u64,
        /// Its version.
        version: u32,
    },
    /// One is missing, doubled or changed.
    #[error("entry {found} does not follow entry {expected_after}: the journal was cut or changed")]
    Chain {
        /// The entry.
        found: u64,
        /// The last one folded.
        expected_after: u64,
    },
    /// The event cannot happen to the step as it stands.
    #[error("`{event}` cannot follow `{stand}` for step `{step}`")]
    Transition {
        /// The step.
        step: StepId,
        /// How it stands.
        stand: String,
        /// The event.
        event: String,
    },
    /// The event cannot happen to the run as it stands.
    #[error("{0}")]
    Run(String),
}

impl RunState {
    /// Where a step stands.
    pub fn stand(&self, step: &StepId) -> &Stand {
        static UNTOUCHED: Stand = Stand::Untouched;
        self.steps.get(step).unwrap_or(&UNTOUCHED)
    }

    /// Every step that was begun or found done, in no order of time.
    pub fn steps(&self) -> impl Iterator<Item = (&StepId, &Stand)> {
        self.steps.iter()
    }

    /// How often a step's work was done again.
    pub fn renewals(&self, step: &StepId) -> u32 {
        self.renewals.get(step).copied().unwrap_or(0)
    }

    /// What was noted right before a step about the object that it takes away.
    pub fn noted(&self) -> impl Iterator<Item = (&StepId, &Value)> {
        self.noted.iter()
    }

    /// Returns the state after one more entry.
    ///
    /// # Errors
    ///
    /// When the entry cannot follow; the state is as it was.
    pub fn fold(&self, entry: &Entry) -> Result<Self, IllegalEvent> {
        if entry.version > VERSION {
            return Err(IllegalEvent::Version { sequence: entry.sequence, version: entry.version });
        }
        if entry.sequence != self.sequence + 1 || entry.before != self.last_digest {
            return Err(IllegalEvent::Chain { found: entry.sequence, expected_after: self.sequence });
        }
        let mut next = self.clone();
        next.apply(&entry.event)?;
        next.sequence = entry.sequence;
        next.last_digest = entry.digest();
        Ok(next)
    }

    fn apply(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        if self.sequence == 0 && !matches!(event, Event::Opened { .. }) {
            return Err(IllegalEvent::Run("a journal begins with `opened`".to_owned()));
        }
        if let Some(outcome) = self.outcome {
            return Err(IllegalEvent::Run(format!("the run has ended ({outcome:?})")));
        }
        match event {
            Event::Opened { executor, back, plan } => {
                if !self.plan.is_empty() && !plan.is_empty() && self.plan != *plan {
                    return Err(IllegalEvent::Run("it was opened for two plans".to_owned()));
                }
                if !plan.is_empty() {
                    self.plan.clone_from(plan);
                }
                if self.back && !back {
                    return Err(IllegalEvent::Run("a run that goes back cannot go forward again".to_owned()));
                }
                if let (Some((_, why)), true) = (&self.barred, back) {
                    return Err(IllegalEvent::Run(format!("the run cannot go back: {why}")));
                }
                self.executor.clone_from(executor);
                self.back = *back;
                self.halted = None;
                // Counted for each execution: a person who takes a run up again has looked.
                self.renewals.clear();
            }
            Event::Barred { step, why } if !self.back => self.barred = Some((step.clone(), why.clone())),
            Event::Barred { .. } => return Err(IllegalEvent::Run("a run that goes back cannot be barred from it".to_owned())),
            Event::Halted { why, .. } => self.halted = Some(why.clone()),
            Event::Ended { outcome } => self.end(*outcome)?,
            Event::Intent { step } => self.step(step, event, |stand| matches!(stand, Stand::Untouched), Stand::Intended, false)?,
            Event::Found { step, evidence } => {
                self.step(step, event, |stand| matches!(stand, Stand::Untouched), Stand::Found(evidence.clone()), false)?;
            }
            Event::Settled { step, evidence } => {
                self.step(step, event, |stand| matches!(stand, Stand::Intended), Stand::Settled(evidence.clone()), false)?;
            }
            Event::Renewed { step } => {
                self.step(step, event, Stand::is_done, Stand::Intended, false)?;
                *self.renewals.entry(step.clone()).or_default() += 1;
            }
            Event::Refused { step } => {
                self.step(step, event, |stand| matches!(stand, Stand::Intended), Stand::Untouched, false)?;
            }
            Event::Noted { step, metadata } => {
                if !matches!(self.stand(step), Stand::Intended | Stand::Untouched) || self.back {
                    return Err(IllegalEvent::Run(format!("step `{step}` was noted about after it was done")));
                }
                self.noted.insert(step.clone(), metadata.clone());
            }
            Event::UndoIntent { step } => {
                let undoable = |stand: &Stand| !matches!(stand, Stand::Undoing | Stand::Undone);
                self.step(step, event, undoable, Stand::Undoing, true)?;
            }
            Event::Undone { step } => {
                let undoable = |stand: &Stand| matches!(stand, Stand::Intended | Stand::Settled(_) | Stand::Undoing);
                self.step(step, event, undoable, Stand::Undone, true)?;
            }
        }
        Ok(())
    }

    fn step(
        &mut self,
        step: &StepId,
        event: &Event,
        allowed: impl Fn(&Stand) -> bool,
        next: Stand,
        back: bool,
    ) -> Result<(), IllegalEvent> {
        let stand = self.steps.entry(step.clone()).or_default();
        if !allowed(stand) || self.back != back {
            let (stand, event) = (format!("{stand:?}"), format!("{event:?}"));
            return Err(IllegalEvent::Transition { step: step.clone(), stand, event });
        }
        *stand = next;
        Ok(())
    }

    fn end(&mut self, outcome: Outcome) -> Result<(), IllegalEvent> {
        let clean = |stand: &Stand| match outcome {
            Outcome::Completed => stand.is_done(),
            Outcome::Undone => matches!(stand, Stand::Undone | Stand::Found(_) | Stand::Untouched),
        };
        if let Some((step, stand)) = self.steps.iter().find(|(_, stand)| !clean(stand)) {
            return Err(IllegalEvent::Run(format!("the run cannot end while step `{step}` stands at {stand:?}")));
        }
        if self.back != (outcome == Outcome::Undone) {
            return Err(IllegalEvent::Run(format!(
                "a run that goes {} cannot end as {outcome:?}",
                if self.back { "back" } else { "forward" }
            )));
        }
        self.outcome = Some(outcome);
        self.halted = None;
        Ok(())
    }
}
