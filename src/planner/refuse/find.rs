//! Every reason not to move, in one list, most basic first. It looks at facts only; what is laid out afterwards may rely on all of them.

use super::app::app;
use super::claim::claim;
use super::destination::destination;
use super::movers::movers;
use super::reason::{MoverReason, Refusal};
use super::selection::selection;
use super::{capacity, finalizers, nodes, room};
use crate::plan::Destination;
use crate::planner::choose::Choice;
use crate::survey::Survey;

/// Returns all reasons not to carry out what was chosen, most basic first.
pub(crate) fn find(choice: &Choice<'_>) -> Vec<Refusal> {
    let (request, survey) = (choice.request, choice.survey);
    let mut found = Vec::new();
    permissions(survey, &mut found);
    // Without permissions the rest of the survey is not to be believed.
    if !found.is_empty() {
        return found;
    }
    app(request, survey, &mut found);
    selection(choice, &mut found);
    destination(choice, &mut found);
    for moved in &choice.moved {
        claim(request, survey, moved, &mut found);
    }
    found.extend(finalizers::of_app(choice));
    match &request.destination {
        Destination::StorageClass { name } => found.extend(room::refusals(choice, name)),
        Destination::KeptVolumes { .. } => {}
    }
    if request.copies() {
        found.extend(room::of_movers(choice));
        found.extend(capacity::refusals(choice));
    }
    movers(choice, &mut found);
    found.extend(nodes::refusals(choice));
    found
}

fn permissions(survey: &Survey, found: &mut Vec<Refusal>) {
    for access in survey.access.iter().filter(|access| !access.allowed && !access.optional) {
        let resource = if access.group.is_empty() { access.resource.clone() } else { format!("{}.{}", access.resource, access.group) };
        found.push(Refusal::Mover(MoverReason::NoPermission { verb: access.verb.clone(), resource, namespace: access.namespace.clone() }));
    }
}
