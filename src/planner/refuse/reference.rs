//! The app as sentences name it.

use crate::survey::{AppKind, Survey};

/// Returns `statefulset/pg`, or claim and its name in backticks where the app is a claim.
pub(crate) fn reference(survey: &Survey) -> String {
    match survey.app.kind {
        AppKind::Claim => format!("claim `{}`", survey.app.name),
        kind => format!("{}/{}", kind.word(), survey.app.name),
    }
}
