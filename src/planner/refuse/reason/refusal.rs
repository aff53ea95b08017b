//! Why an app is not moved: a closed list of lists, each reason with what was found.

use thiserror::Error;

use super::app::AppReason;
use super::claim::ClaimReason;
use super::mover::MoverReason;
use super::target::TargetReason;

/// A reason not to move.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Refusal {
    /// The app gives it.
    #[error(transparent)]
    App(#[from] AppReason),
    /// A claim gives it.
    #[error(transparent)]
    Claim(#[from] ClaimReason),
    /// The target gives it.
    #[error(transparent)]
    Target(#[from] TargetReason),
    /// The run and its movers give it.
    #[error(transparent)]
    Mover(#[from] MoverReason),
}

impl Refusal {
    /// Returns what can be done about it in the app's namespace: a sentence or a command to paste.
    pub fn hint(&self, namespace: &str) -> String {
        match self {
            Self::App(reason) => reason.hint(namespace),
            Self::Claim(reason) => reason.hint(namespace),
            Self::Target(reason) => reason.hint(namespace),
            Self::Mover(reason) => reason.hint(namespace),
        }
    }
}

/// All reasons not to carry out a request, most serious first; never none.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusals {
    /// The app's namespace, which the commands in hints name.
    pub namespace: String,
    /// The reasons.
    pub reasons: Vec<Refusal>,
}

impl Refusals {
    /// Returns the reasons.
    pub fn as_slice(&self) -> &[Refusal] {
        &self.reasons
    }

    /// Returns each reason with what can be done about it.
    pub fn hinted(&self) -> impl Iterator<Item = (&Refusal, String)> {
        self.reasons.iter().map(|reason| (reason, reason.hint(&self.namespace)))
    }
}

impl std::fmt::Display for Refusals {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let reasons: Vec<String> = self.reasons.iter().map(Refusal::to_string).collect();
        formatter.write_str(&reasons.join("; "))
    }
}
