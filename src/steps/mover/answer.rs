//! What a mover said last, by its log.

use crate::cluster::{ApiError, Place};
use crate::contract::orders::{self, Report};
use crate::plan::mover_pod::MOVER;
use crate::steps::failure::StepError;

/// What a mover said last.
#[derive(Debug)]
pub(super) enum Answer {
    /// How far it is.
    Report(Report),
    /// Nothing that is a report.
    Nothing,
    /// It cannot be asked, for this reason: its node does not answer.
    Unheard(String),
}

impl Answer {
    pub(super) fn report(&self) -> Option<&Report> {
        if let Self::Report(report) = self { Some(report) } else { None }
    }
}

/// What the log of a pod says last which the server just returned: it is its node that does not answer, then.
pub(super) async fn answer_of(place: &Place, pod: &str) -> Result<Answer, StepError> {
    match place.connection.log_tail(&place.namespace, pod, MOVER).await {
        Ok(log) => Ok(log.and_then(|log| orders::last_report(&log)).map_or(Answer::Nothing, Answer::Report)),
        Err(error @ (ApiError::NoAnswer(_) | ApiError::Other { status: 500.., .. } | ApiError::Busy { retry_after_secs: None, .. })) => {
            Ok(Answer::Unheard(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}
