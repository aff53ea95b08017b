//! What a mover said last, by its log.

use crate::cluster::{ApiError, Place};
use crate::contract::orders::{self, OtherVersion, Report};
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
        Ok(log) => {
            let report = orders::last_report(&log.unwrap_or_default()).map_err(|version| of_another(place, pod, version))?;
            Ok(report.map_or(Answer::Nothing, Answer::Report))
        }
        Err(error @ (ApiError::NoAnswer(_) | ApiError::Other { status: 500.., .. } | ApiError::Busy { retry_after_secs: None, .. })) => {
            Ok(Answer::Unheard(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// A mover that this command cannot order: no other try with its image comes to a better end.
fn of_another(place: &Place, pod: &str, version: OtherVersion) -> StepError {
    let hint = format!(
        "see its image with `kubectl get pod {pod} -n {} -o wide`, and name the one of this version with --mover-image",
        place.namespace
    );
    StepError::hinted(format!("mover pod {pod} cannot be ordered: {version}"), hint).for_good()
}
