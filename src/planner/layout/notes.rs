//! What somebody who agrees to a plan should know beside its steps.

use serde_json::Value;

use super::reclaim;
use crate::plan::shape::OF_OLD_CLASS;
use crate::plan::{Request, mover_pod};
use crate::planner::choose::Choice;
use crate::planner::objects::Identity;
use crate::planner::refuse::{access_modes, appliers, fs_group, occupants, replicas, rollout};
use crate::survey::{ClaimOrigin, ClaimSeen, Survey, object};

/// Returns the notes of a plan.
pub(super) fn notes(choice: &Choice<'_>) -> Vec<String> {
    let (request, survey) = (choice.request, choice.survey);
    let moved: Vec<&ClaimSeen> = choice.claims().map(|claim| claim.seen).collect();
    let moved = moved.as_slice();
    let mut notes = Vec::new();
    let app = format!("{}/{}", survey.app.kind.word(), survey.app.name);
    for claim in &survey.claims {
        if let ClaimOrigin::Ephemeral { pod } = &claim.origin {
            notes.push(format!("claim {} is ephemeral and goes with pod {pod}: it is not moved", claim.name));
        } else if !moved.iter().any(|moved| moved.name == claim.name) {
            let class = claim.class.as_deref().unwrap_or("no class");
            notes.push(format!("claim {} stays as it is, in {class}", claim.name));
        }
    }
    notes.extend(appliers::notes(survey, moved));
    if survey.app.raw.pointer("/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration").is_some() {
        notes.push(format!("{app} was made with `kubectl apply`: change the storage class in that manifest too"));
    }
    notes.extend(dropped(survey, moved));
    notes.extend(moved.iter().filter_map(|claim| access_modes::note(request, survey, claim)));
    notes.extend(reclaim::notes(request, survey, moved));
    notes.extend(fs_group::notes(request, survey, moved));
    notes.extend(occupants::notes(survey, moved));
    notes.extend(rollout::note(request, survey));
    notes.extend(replicas::note(request, survey));
    for budget in &survey.disruption_budgets {
        notes.push(format!("disruption budget {budget} is not asked: scaling {app} down is no eviction"));
    }
    if request.copies() {
        notes.extend(as_whom_movers_run(request, survey));
    }
    notes
}

/// What claims and the claim templates they were made from do not keep.
fn dropped(survey: &Survey, moved: &[&ClaimSeen]) -> Vec<String> {
    let templates = survey.app.raw.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
    let is_moved = |template: &str| {
        moved.iter().any(|claim| matches!(&claim.origin, ClaimOrigin::Template { template: from, .. } if from == template))
    };
    let mut notes = Vec::new();
    for claim in moved {
        // What a claim was made from is history once it is bound; its attributes are not.
        let fields = named(&claim.raw["spec"]).filter(|field| *field == "volumeAttributesClassName").collect::<Vec<_>>();
        notes.extend(dropped_from(&format!("claim {}", claim.name), &fields));
    }
    for template in templates.into_iter().flatten() {
        let name = object::name(template);
        if is_moved(name) {
            notes.extend(dropped_from(&format!("claim template {name}"), &named(&template["spec"]).collect::<Vec<_>>()));
        }
    }
    notes
}

/// The fields in a claim's spec that its new class does not know.
fn named(spec: &Value) -> impl Iterator<Item = &'static str> {
    OF_OLD_CLASS.into_iter().filter(|field| spec.get(field).is_some_and(|value| !value.is_null()))
}

fn dropped_from(what: &str, fields: &[&str]) -> Option<String> {
    let fields = fields.join(", ");
    (!fields.is_empty()).then(|| format!("{what} names {fields}, which its new class does not know: dropped"))
}

/// What is asked for beyond what the app itself may do.
fn as_whom_movers_run(request: &Request, survey: &Survey) -> Option<String> {
    Some(match Identity::of(request, survey)?.user() {
        Some(user) if request.run_movers_as_app => {
            format!("the movers run as user {user}, as the app does and you asked for, and keep what it may set")
        }
        Some(user) => format!(
            "namespace {} lets no root in: the movers run as user {user}, as the app does, and keep what it may set",
            survey.namespace.name
        ),
        None => format!("the movers run as root with the capabilities {}, to keep owners and modes", mover_pod::CAPABILITIES.join(", ")),
    })
}
