//! Rollouts that are held back or not finished: a move stops every pod and starts all of them from the newest template.
//!
//! A stateful set at zero replicas takes its rollout for finished, and one that is made anew has no revision but the newest
//! (`completeRollingUpdate` and `getStatefulSetRevisions` in `pkg/controller/statefulset`, Kubernetes 1.36). A new version may convert its data
//! for good, on the kept volume too. On the way back this is said and not refused: going back must always be possible.

use serde_json::Value;

use super::reason::{AppReason, Refusal, RolloutHold};
use super::reference::reference;
use crate::plan::{Destination, Request};
use crate::survey::{AppKind, PodSeen, Survey};

/// Refuses a move in the middle of a rollout.
pub(crate) fn refusal(request: &Request, survey: &Survey) -> Option<Refusal> {
    matches!(request.destination, Destination::StorageClass { .. }).then(|| in_the_middle(survey)).flatten()
}

/// What a move means for a rollout that does not keep it from being made.
pub(crate) fn note(request: &Request, survey: &Survey) -> Option<String> {
    match &request.destination {
        Destination::KeptVolumes { .. } => in_the_middle(survey).map(|refusal| refusal.to_string()),
        Destination::StorageClass { .. } => None,
    }
    .or_else(|| pending_on_delete(survey))
}

fn in_the_middle(survey: &Survey) -> Option<Refusal> {
    match survey.app.kind {
        AppKind::StatefulSet if strategy(survey) != "OnDelete" => of_set(survey),
        AppKind::Deployment => of_deployment(survey),
        AppKind::StatefulSet | AppKind::Pod | AppKind::Claim => None,
    }
}

fn strategy(survey: &Survey) -> &str {
    survey.app.raw.pointer("/spec/updateStrategy/type").and_then(Value::as_str).unwrap_or("RollingUpdate")
}

/// The newest revision of a set, and a pod that runs another one.
fn behind(survey: &Survey) -> Option<(&str, &PodSeen)> {
    let newest = survey.app.raw.pointer("/status/updateRevision").and_then(Value::as_str)?;
    let old = |pod: &&PodSeen| !pod.is_over() && pod.revision.as_deref().is_some_and(|revision| revision != newest);
    survey.app.pods.iter().find(old).map(|pod| (newest, pod))
}

fn of_set(survey: &Survey) -> Option<Refusal> {
    let (newest, pod) = behind(survey)?;
    let partition = survey.app.raw.pointer("/spec/updateStrategy/rollingUpdate/partition").and_then(Value::as_u64);
    Some(Refusal::App(AppReason::InRollout {
        app: reference(survey),
        found: format!("pod {} runs revision {}, the template is revision {newest}", pod.name, pod.revision.as_deref().unwrap_or_default()),
        held: if partition.unwrap_or(0) > 0 { RolloutHold::ByPartition } else { RolloutHold::No },
    }))
}

/// Pods of a deployment that are not of its newest replica set (`DeploymentComplete` in `pkg/controller/deployment/util`).
fn of_deployment(survey: &Survey) -> Option<Refusal> {
    let count = |field: &str| survey.app.raw["status"][field].as_u64().unwrap_or(0);
    let (all, new) = (count("replicas"), count("updatedReplicas"));
    let is_paused = survey.app.raw["spec"]["paused"] == true;
    (all > new).then(|| {
        Refusal::App(AppReason::InRollout {
            app: reference(survey),
            found: format!("{} of {all} pods run an earlier template", all - new),
            held: if is_paused { RolloutHold::ByPause } else { RolloutHold::No },
        })
    })
}

fn pending_on_delete(survey: &Survey) -> Option<String> {
    let (newest, pod) = (survey.app.kind == AppKind::StatefulSet && strategy(survey) == "OnDelete").then(|| behind(survey))??;
    let app = reference(survey);
    let name = &pod.name;
    Some(format!(
        "{app} has the update strategy OnDelete, and pod {name} runs an earlier template: the move restarts every pod, with the newest template ({newest})"
    ))
}
