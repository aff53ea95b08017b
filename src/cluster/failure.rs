//! Why a call to the API did not succeed, and for how long the same call may fail and yet succeed later. It calls nothing.

use std::time::Duration;

use thiserror::Error;

/// Why a call did not succeed.
#[derive(Debug, Error)]
pub enum ApiError {
    /// The object changed since it was read, or a precondition did not hold.
    #[error("{0}")]
    Conflict(String),
    /// There is no such object (for writes; reads return `None`).
    #[error("{0}")]
    NotFound(String),
    /// An object of that name exists (for writes that are not creates; creates return [`Creation::AlreadyThere`]).
    #[error("{0}")]
    AlreadyExists(String),
    /// Not allowed: by RBAC, by a quota or by an admission rule.
    #[error("{0}")]
    Forbidden(String),
    /// Not known to the server: a wrong or expired credential.
    #[error("{0}")]
    Unauthorized(String),
    /// The server refused the object itself.
    #[error("{0}")]
    Invalid(String),
    /// The server is busy or not ready; it may ask for a pause.
    #[error("{message}")]
    Busy {
        /// What it said.
        message: String,
        /// After how many seconds it wants to be asked again, if it said so.
        retry_after_secs: Option<u64>,
    },
    /// No answer: refused, cut off or timed out. The change may or may not have been applied.
    #[error("{0}")]
    NoAnswer(String),
    /// Anything else the server said.
    #[error("{message} (HTTP {status})")]
    Other {
        /// The status code.
        status: u16,
        /// What it said.
        message: String,
    },
}

/// How long an API server may be gone. Its upgrade, or that of its only node, takes minutes. Who stops waiting for it leaves the app as it
/// is, which may be down.
pub const OUTAGE_MAX: Duration = Duration::from_secs(600);

/// How long credentials may be refused: they are exchanged before they run out, and whoever checks them may be down for a while.
const VOID_MAX: Duration = Duration::from_secs(90);

impl ApiError {
    /// For how long the same call may fail in this way and yet succeed later without anybody changing anything; none where it will not.
    pub fn passes_within(&self) -> Option<Duration> {
        match self {
            Self::Conflict(_) | Self::Busy { .. } | Self::NoAnswer(_) | Self::Other { status: 500.., .. } => Some(OUTAGE_MAX),
            Self::Unauthorized(_) => Some(VOID_MAX),
            Self::NotFound(_) | Self::AlreadyExists(_) | Self::Forbidden(_) | Self::Invalid(_) | Self::Other { .. } => None,
        }
    }

    /// Whether the server understood the change and does not let it in: by a quota, a policy or validation. Nothing was applied then. Each of
    /// them may let the same change in later: a quota is counted anew, a policy is lifted.
    pub fn is_denial(&self) -> bool {
        matches!(self, Self::Forbidden(_) | Self::Invalid(_))
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        self.passes_within().is_some()
    }
}
