//! What the app itself has against being moved: its namespace, its owner, who scales or applies it, and runs of ours.

use super::reason::{AppReason, Refusal};
use super::reference::reference;
use super::{appliers, occupants, replicas, rollout};
use crate::plan::{Request, marks};
use crate::survey::Survey;

/// Finds what the app has against a move.
pub(super) fn app(request: &Request, survey: &Survey, found: &mut Vec<Refusal>) {
    let app = &survey.app;
    let name = reference(survey);
    if survey.namespace.terminating {
        found.push(Refusal::App(AppReason::NamespaceTerminating(survey.namespace.name.clone())));
    }
    if app.terminating {
        found.push(Refusal::App(AppReason::AppTerminating(name.clone())));
    }
    let earlier = |run: &&String| **run != request.run.0;
    found.extend(survey.unfinished_runs.iter().filter(earlier).map(|run| Refusal::App(AppReason::UnfinishedRun { run: run.clone() })));
    if let Some(mark) = mark_of_ours(&app.raw) {
        found.push(Refusal::App(AppReason::BearsOurMark { app: name.clone(), mark }));
    }
    if let Some(owner) = &app.owner {
        found.push(Refusal::App(AppReason::AppOwned { app: name.clone(), owner: owner.clone() }));
    }
    found.extend(occupants::app_is_over(survey));
    found.extend(rollout::refusal(request, survey));
    found.extend(replicas::refusal(request, survey));
    found.extend(appliers::refusals(request, &name, &app.applied_by));
    for scaler in survey.autoscalers.iter().filter(|scaler| !scaler.still) {
        found.push(Refusal::App(AppReason::Autoscaled {
            app: name.clone(),
            kind: scaler.kind.clone(),
            name: scaler.name.clone(),
            replicas: app.replicas,
        }));
    }
}

/// A label or annotation of the app's pods by which they would be taken for ours.
fn mark_of_ours(raw: &serde_json::Value) -> Option<String> {
    let metadata = raw.pointer("/spec/template/metadata").or_else(|| (raw["kind"] == "Pod").then(|| &raw["metadata"]))?;
    let fields = ["labels", "annotations"].into_iter().filter_map(|field| metadata[field].as_object());
    fields.flat_map(|fields| fields.keys()).find(|key| key.starts_with(marks::PREFIX)).cloned()
}
