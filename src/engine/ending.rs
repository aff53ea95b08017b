//! How an execution ends, and why a run cannot go on as it was going.
//!
//! Data and its words; what follows from it is decided in [`super::way`].

use crate::plan::StepId;
use crate::steps::{Remedy, StepError};

/// Why a run cannot go on as it was going.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// A step failed or took too long.
    Step {
        /// Which.
        step: StepId,
        /// Why.
        why: String,
        /// What can be done about it.
        hint: Option<String>,
        /// What may come to a better end.
        remedy: Remedy,
    },
    /// Somebody else changed what we rely on.
    Adrift {
        /// The step that found it.
        step: StepId,
        /// What was found.
        why: String,
    },
    /// The API did not answer for too long, or did not know us.
    Silence(String),
    /// The journal cannot be written, or another executor has the run.
    Journal(String),
    /// The user interrupted.
    Interrupted,
    /// Another step of the stage had trouble.
    Neighbour,
}

impl Trouble {
    /// The trouble of a step that failed.
    pub(super) fn of(step: StepId, error: StepError) -> Self {
        match error {
            StepError::Failed { why, hint, remedy } => Self::Step { step, why, hint, remedy },
            StepError::Api(error) => Self::Step { step, why: error.to_string(), hint: None, remedy: Remedy::SamePlan },
        }
    }

    /// This trouble, told together with the one that led to it: what can be done about that one is still what helps.
    pub(super) fn on_top_of(self, first: &Self) -> Self {
        match self {
            Self::Adrift { step, why } => Self::Adrift { step, why: format!("{first}; and {why}") },
            other => other,
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Step { why, .. } | Self::Adrift { why, .. } => formatter.write_str(why),
            Self::Silence(why) => write!(formatter, "the API server does not serve this run: {why}"),
            Self::Journal(why) => formatter.write_str(why),
            Self::Interrupted => formatter.write_str("interrupted"),
            Self::Neighbour => formatter.write_str("another step of the stage failed"),
        }
    }
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The app runs on the target.
    Completed,
    /// The app runs on the source; nothing of the run is left. Says why, unless that was asked for.
    Undone(Option<Trouble>),
    /// It stands still and can be resumed or undone.
    Halted(Trouble),
    /// Going back stands still, and needs a hand.
    Stuck {
        /// Why the run went back, if it was not asked to.
        because: Option<Trouble>,
        /// What is in the way.
        trouble: Trouble,
        /// What has not been taken back, in words.
        remains: Vec<String>,
    },
}
