//! Why nothing could be surveyed, and what can be done about it.

use thiserror::Error;

use crate::cluster::ApiError;

/// Why nothing could be surveyed.
#[derive(Debug, Error)]
pub enum SurveyError {
    /// The words do not name an object.
    #[error("{why}")]
    Reference {
        /// Why.
        why: String,
        /// What to type instead.
        hint: String,
    },
    /// There is no such object.
    #[error("there is no {what} in namespace `{namespace}`")]
    NotFound {
        /// `statefulset/pg`.
        what: String,
        /// Where.
        namespace: String,
        /// The plural, for the hint.
        plural: String,
    },
    /// The API said so.
    #[error("{0}")]
    Api(#[from] ApiError),
}

impl SurveyError {
    /// What can be done about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Reference { hint, .. } => Some(hint.clone()),
            Self::NotFound { namespace, plural, .. } => Some(format!("see what there is with `kubectl get {plural} -n {namespace}`")),
            Self::Api(error) => api_hint(error),
        }
    }
}

/// What can be done about an error of the API.
pub fn api_hint(error: &ApiError) -> Option<String> {
    match error {
        ApiError::Unauthorized(_) => Some("the credentials are wrong or have expired; check with `kubectl auth whoami`".to_owned()),
        ApiError::Forbidden(_) => {
            Some("check with `kubectl auth can-i --list`; docs/permissions.md has a role with all that is needed".to_owned())
        }
        ApiError::NoAnswer(_) | ApiError::Busy { .. } => {
            Some("check that the cluster can be reached with `kubectl cluster-info`".to_owned())
        }
        ApiError::Conflict(_) | ApiError::NotFound(_) | ApiError::AlreadyExists(_) | ApiError::Invalid(_) | ApiError::Other { .. } => None,
    }
}
