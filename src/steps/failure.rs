//! Why a step cannot be looked at, done or taken back, and what may come to a better end.

use thiserror::Error;

use crate::cluster::ApiError;

/// Why a step cannot be looked at, done or taken back.
#[derive(Debug, Error)]
pub enum StepError {
    /// The API said so.
    #[error("{0}")]
    Api(#[from] ApiError),
    /// It will not come right by itself.
    #[error("{why}")]
    Failed {
        /// Why, as a sentence fragment.
        why: String,
        /// What can be done about it.
        hint: Option<String>,
        /// What may come to a better end.
        remedy: Remedy,
    },
}

/// What may come to a better end after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The same plan, tried again: what was copied so far is of use.
    SamePlan,
    /// Another plan only: this target cannot hold the data.
    AnotherPlan,
    /// The same plan, once the user accepts a longer outage.
    Consent,
}

impl StepError {
    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), hint: None, remedy: Remedy::SamePlan }
    }

    pub(super) fn hinted(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), hint: Some(hint.into()), remedy: Remedy::SamePlan }
    }

    /// A failure that the user's consent to a longer outage would mend.
    pub(super) fn wants_consent(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), hint: Some(hint.into()), remedy: Remedy::Consent }
    }

    /// The same failure, of a target that cannot hold the data.
    pub(super) fn for_good(self) -> Self {
        match self {
            Self::Failed { why, hint, .. } => Self::Failed { why, hint, remedy: Remedy::AnotherPlan },
            api @ Self::Api(_) => api,
        }
    }
}
