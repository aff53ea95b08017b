//! Where a mover pod may run: beside the app's pod while that runs, else where the app may go.

use serde_json::{Value, json};

use super::app::app_pod_spec;
use super::mover_end::MoverEnd;
use crate::planner::choose::Unit;
use crate::survey::{AppKind, ClaimOrigin, NodeSeen, Survey};

/// Where a mover pod may run. By affinity and never by `nodeName`: a claim that waits for its first consumer is bound by the
/// scheduler, which `nodeName` goes around.
pub(super) fn place(spec: &mut Value, survey: &Survey, unit: &Unit<'_>, end: MoverEnd) {
    let app = app_pod_spec(survey);
    for field in ["tolerations", "imagePullSecrets", "priorityClassName", "schedulerName"] {
        if let Some(value) = app.get(field) {
            spec[field] = value.clone();
        }
    }
    match (&unit.node, end) {
        // Beside the app's pod, wherever that is: it may go elsewhere while the copy goes on.
        (Some(node), MoverEnd::Both | MoverEnd::Source) if unit.way.is_warm() => {
            spec["affinity"] = beside(survey, unit).unwrap_or_else(|| only_on(survey, node));
            tolerate_cordon(spec);
        }
        (node, _) => {
            // Free to go where the app may go, and near it where that is possible.
            if let Some(selector) = app.get("nodeSelector") {
                spec["nodeSelector"] = selector.clone();
            }
            if let Some(affinity) = app.pointer("/affinity/nodeAffinity") {
                spec["affinity"]["nodeAffinity"] = affinity.clone();
            }
            if let Some(node) = node {
                spec["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] =
                    json!([{ "weight": 100, "preference": { "matchExpressions": [on(survey, node)] } }]);
            }
        }
    }
}

/// On the node of the pod that uses a unit's claims and has started, by labels that it alone has, or that all have which are on that node.
fn beside(survey: &Survey, unit: &Unit<'_>) -> Option<Value> {
    let pod = unit.claims.iter().find_map(|claim| claim.seen.started_pod_of_app())?;
    let selector = match (survey.app.kind, unit.claims.first().map(|claim| &claim.seen.origin)) {
        (AppKind::StatefulSet, Some(ClaimOrigin::Template { .. })) => {
            json!({ "matchLabels": { "statefulset.kubernetes.io/pod-name": pod } })
        }
        (AppKind::StatefulSet | AppKind::Deployment, _) => survey.app.raw.pointer("/spec/selector")?.clone(),
        (AppKind::Pod, _) => json!({ "matchLabels": survey.app.raw.pointer("/metadata/labels").filter(|labels| labels.is_object())? }),
        (AppKind::Claim, _) => return None,
    };
    let term = json!({ "labelSelector": selector, "topologyKey": "kubernetes.io/hostname" });
    Some(json!({ "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [term] } }))
}

/// A node that was cordoned since the app's pod started lets no other pod in, and the app may be moved because of that.
fn tolerate_cordon(spec: &mut Value) {
    let cordon = json!({ "key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule" });
    match spec["tolerations"].as_array_mut() {
        Some(all) => all.push(cordon),
        None => spec["tolerations"] = json!([cordon]),
    }
}

pub(super) fn only_on(survey: &Survey, node: &str) -> Value {
    let terms = json!({ "nodeSelectorTerms": [{ "matchExpressions": [on(survey, node)] }] });
    json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": terms } })
}

fn on(survey: &Survey, node: &str) -> Value {
    let label = |node: &NodeSeen| node.labels.get("kubernetes.io/hostname").cloned();
    let hostname = survey.node(node).and_then(label).unwrap_or_else(|| node.to_owned());
    json!({ "key": "kubernetes.io/hostname", "operator": "In", "values": [hostname] })
}
