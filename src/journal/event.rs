//! Events of a run and how they are chained. A file format with a version; history only grows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::StepId;

/// The version of the event format. 2: the plan's digest in [`Event::Opened`], pods in [`Evidence`]. 3: [`Event::Refused`] and [`Event::Noted`].
pub const VERSION: u32 = 3;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// See [`VERSION`].
    pub version: u32,
    /// Counts from 1 without gaps.
    pub sequence: u64,
    /// When it was written (RFC 3339, UTC), by the executor's clock; for people.
    pub at: String,
    /// [`Entry::digest`] of the entry before; empty for the first.
    pub before: String,
    /// What happened.
    pub event: Event,
}

impl Entry {
    /// The BLAKE3 of the entry's JSON, in hexadecimal.
    pub fn digest(&self) -> String {
        let text = serde_json::to_vec(self).expect("an entry has only string keys");
        blake3::hash(&text).to_hex().to_string()
    }
}

/// What happened to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "event")]
pub enum Event {
    /// An executor took the run, forward or back.
    #[serde(rename_all = "camelCase")]
    Opened {
        /// Who: host, process and a random word.
        executor: String,
        /// Whether it is being undone.
        back: bool,
        /// The digest of the plan that is carried out ([`Plan::digest`](crate::plan::Plan::digest)); empty in version 1.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        plan: String,
    },
    /// The step is about to change the world.
    #[serde(rename_all = "camelCase")]
    Intent {
        /// The step.
        step: StepId,
    },
    /// The step reached its goal after an intent.
    #[serde(rename_all = "camelCase")]
    Settled {
        /// The step.
        step: StepId,
        /// What shows it.
        evidence: Evidence,
    },
    /// The step was at its goal before any intent; it is not undone, unless going back cannot do without.
    #[serde(rename_all = "camelCase")]
    Found {
        /// The step.
        step: StepId,
        /// What shows it.
        evidence: Evidence,
    },
    /// The server let none of the step's changes in, and no try of them can still be on its way: it is as if it had not been begun.
    #[serde(rename_all = "camelCase")]
    Refused {
        /// The step.
        step: StepId,
    },
    /// What somebody else has written to an object since the plan was made, which the step is about to take away: it is to bear that again.
    #[serde(rename_all = "camelCase")]
    Noted {
        /// The step.
        step: StepId,
        /// A merge patch (RFC 7386) of its `metadata`.
        metadata: Value,
    },
    /// What the step did is gone through no doing of ours; it is about to be done again.
    #[serde(rename_all = "camelCase")]
    Renewed {
        /// The step.
        step: StepId,
    },
    /// Going back was found to lose what the app wrote, or to be impossible. It stays so, whatever is found later.
    #[serde(rename_all = "camelCase")]
    Barred {
        /// The step that found it.
        step: StepId,
        /// Why, for people.
        why: String,
    },
    /// The step is about to be taken back.
    #[serde(rename_all = "camelCase")]
    UndoIntent {
        /// The step.
        step: StepId,
    },
    /// Nothing of the step is left.
    #[serde(rename_all = "camelCase")]
    Undone {
        /// The step.
        step: StepId,
    },
    /// The run stopped before its end.
    #[serde(rename_all = "camelCase")]
    Halted {
        /// Where, if at a step.
        step: Option<StepId>,
        /// Why, for people.
        why: String,
    },
    /// The run ended.
    #[serde(rename_all = "camelCase")]
    Ended {
        /// How.
        outcome: Outcome,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The app runs on the target; the old volumes are kept.
    Completed,
    /// The app runs on the source; nothing of the run is left.
    Undone,
}

impl Outcome {
    /// As labels say it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Undone => "undone",
        }
    }
}

/// What shows that a step reached its goal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Evidence {
    /// In words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Proofs of copies, one for each volume.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<Receipt>,
    /// The mover pod that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<MadePod>,
}

/// A mover pod that a run made, by what nobody can give to another pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MadePod {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The image of its container, as the server returned the pod: admission may have given it another name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// What its image was resolved to (`status.containerStatuses[].imageID`); empty before it ran.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image_id: String,
}

impl Evidence {
    /// Evidence in words only.
    pub fn note(text: impl Into<String>) -> Self {
        Self { note: text.into(), ..Self::default() }
    }
}

/// The proof that a target volume holds what its source held when the app was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The claim's slot.
    pub slot: String,
    /// Entries at the source.
    pub entries: u64,
    /// Bytes of data at the source.
    pub bytes: u64,
    /// Bytes that the last pass had to write.
    pub bytes_changed: u64,
    /// The root digest, the same on both sides: each end made its own.
    pub root: String,
}
