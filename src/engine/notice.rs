//! What the engine tells whoever listens: the one interface between a run and a person or a script. A versioned format under
//! `-o jsonl`; nothing here prints.

use serde::Serialize;

use crate::journal::Evidence;
use crate::plan::StepId;
use crate::steps::Progress;

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "type")]
pub enum Notice {
    /// A stage begins.
    Stage {
        /// Counts from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// What it does.
        name: String,
        /// Whether it is being taken back.
        back: bool,
    },
    /// A step is about to change something.
    Acting {
        /// The step.
        step: StepId,
        /// What it does, or how it is undone.
        does: String,
    },
    /// A step waits.
    Waiting {
        /// The step.
        step: StepId,
        /// For what.
        progress: Progress,
    },
    /// A step is through.
    Settled {
        /// The step.
        step: StepId,
        /// What it did.
        does: String,
        /// What shows it.
        evidence: Evidence,
    },
    /// The API did not answer; it is tried again.
    Retrying {
        /// The step.
        step: StepId,
        /// What happened.
        why: String,
    },
    /// The app is being stopped.
    AppStops,
    /// An executor takes up a run whose app is down.
    AppIsDown {
        /// For how long it has been, from the order to stop; in milliseconds, by the journal's clocks.
        down_ms: u64,
    },
    /// The app is ready again.
    AppReady {
        /// For how long it was down, in milliseconds, from the order to stop to ready. Where another executor stopped it, the journal's clocks count.
        down_ms: u64,
    },
    /// The app was started again on its source, and may take a while to be ready.
    AppStarted {
        /// For how long it was stopped, in milliseconds, from the order to stop to the order to start. Where another executor stopped it, the
        /// journal's clocks count.
        stopped_ms: u64,
    },
    /// An interrupt waits until the app is up again.
    InterruptHeld,
    /// Something went wrong and the run goes back.
    GoingBack {
        /// What.
        why: String,
    },
}

/// Who listens to a run.
pub trait Listener {
    /// Tells one thing. Must not block for long.
    fn tell(&self, notice: &Notice);

    /// Passes on something that is not of the engine, for those who forward all events to a machine.
    fn tell_raw(&self, event: &serde_json::Value) {
        let _ = event;
    }
}
