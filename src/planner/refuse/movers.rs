//! Whether mover pods are let in, and reach one another.

use super::reason::{MoverReason, Refusal};
use crate::planner::choose::Choice;
use crate::planner::objects::{Identity, lets_root_in};

/// Finds what keeps mover pods from their work.
pub(super) fn movers(choice: &Choice<'_>, found: &mut Vec<Refusal>) {
    let (request, survey) = (choice.request, choice.survey);
    if !request.copies() {
        return;
    }
    if Identity::of(request, survey).is_none() {
        found.push(match lets_root_in(survey) {
            true => Refusal::Mover(MoverReason::NoUserOfApp),
            false => Refusal::Mover(MoverReason::PodSecurity { namespace: survey.namespace.name.clone() }),
        });
    }
    let over_network = choice.units.iter().any(|unit| unit.way.is_over_network());
    if over_network && !request.network_is_open {
        found.extend(survey.network_policies.iter().map(|policy| Refusal::Mover(MoverReason::CutOff { policy: policy.clone() })));
    }
}
