//! Tools that apply the app or a claim from elsewhere: refused where they would put a move back, else said.

use super::reason::{AppReason, Refusal};
use crate::plan::Request;
use crate::survey::{Acts, AppliedBy, ClaimSeen, Survey};

/// Refuses what would be put back; the user's word that it is paused counts.
pub(crate) fn refusals(request: &Request, what: &str, applied_by: &[AppliedBy]) -> Vec<Refusal> {
    let acting = applied_by.iter().filter(|by| by.acts == Acts::ByItself && !by.paused && !request.applier_is_paused);
    acting.map(|by| Refusal::App(AppReason::Applied { app: what.to_owned(), by: by.clone() })).collect()
}

/// What is to be changed elsewhere too, or may act.
pub(crate) fn notes(survey: &Survey, moved: &[&ClaimSeen]) -> Vec<String> {
    let app = format!("{}/{}", survey.app.kind.word(), survey.app.name);
    let mut notes: Vec<String> = survey.app.applied_by.iter().map(|by| note(&app, by)).collect();
    // A claim that is the app itself was told of as such.
    for claim in moved.iter().filter(|claim| claim.uid != survey.app.uid) {
        notes.extend(claim.applied_by.iter().map(|by| note(&format!("claim {}", claim.name), by)));
    }
    notes
}

fn note(what: &str, by: &AppliedBy) -> String {
    let AppliedBy { tool, name, .. } = by;
    match by.acts {
        Acts::ByItself | Acts::WhenCalled => {
            format!("{what} is applied by {tool} ({name}): change the storage class there too, or its next run fails")
        }
        Acts::Unknown => {
            format!(
                "{what} was written by field manager {name}: if that is a controller, pause it, since it may put the storage class back"
            )
        }
    }
}
