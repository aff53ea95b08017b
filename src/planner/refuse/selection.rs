//! Whether the claims that were named are there, and whether any is left to move.

use super::reason::{ClaimReason, Refusal, TargetReason};
use super::reference::reference;
use crate::plan::Destination;
use crate::planner::choose::Choice;
use crate::survey::ClaimSeen;

/// Finds what is wrong with the choice of claims.
pub(super) fn selection(choice: &Choice<'_>, found: &mut Vec<Refusal>) {
    let (request, survey) = (choice.request, choice.survey);
    let app = reference(survey);
    for claim in request.only_claims.iter().chain(&request.skip_claims) {
        if !survey.claims.iter().any(|seen| seen.name == *claim) {
            found.push(Refusal::Claim(ClaimReason::NoSuchClaim { app: app.clone(), claim: claim.clone() }));
        }
    }
    let in_target =
        |claim: &&ClaimSeen| matches!(&request.destination, Destination::StorageClass { name } if claim.class.as_ref() == Some(name));
    let there: Vec<&str> = survey.claims.iter().filter(in_target).map(|claim| claim.name.as_str()).collect();
    match (&request.destination, choice.moved.is_empty()) {
        (Destination::StorageClass { name }, true) if !there.is_empty() => {
            let claim = there.join("`, `");
            found.push(Refusal::Target(TargetReason::SameClass { claim: format!("claim `{claim}`"), class: name.clone() }));
        }
        (_, true) => found.push(Refusal::Claim(ClaimReason::NothingToMove { app })),
        (_, false) => {}
    }
}
