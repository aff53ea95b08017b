//! Nodes that take no new pods, and volumes that no node would reach together.
//!
//! A pod of the app that is stopped could not come back to such a node, and what it uses may be nowhere else. Where nodes may not be listed nothing
//! is said.

use serde_json::{Value, json};

use super::reason::{MoverReason, Refusal, TargetReason};
use crate::plan::reach::reaches;
use crate::planner::choose::{Choice, Unit, admits, runs_driver};
use crate::planner::objects::app_pod_spec;
use crate::survey::{AppKind, ClaimOrigin, ClaimSeen, ClassSeen, NodeSeen, Survey};

/// The taint that stands for a cordon (`pkg/scheduler/framework/plugins/nodeunschedulable`, Kubernetes 1.36).
const CORDON: &str = "node.kubernetes.io/unschedulable";

/// All that nodes have against a move.
pub(crate) fn refusals(choice: &Choice<'_>) -> Vec<Refusal> {
    if !choice.request.copies() {
        return Vec::new();
    }
    let mut found: Vec<Refusal> = choice.units.iter().filter_map(|unit| closed(choice.survey, unit)).collect();
    found.extend(choice.units.iter().filter_map(|unit| apart(choice, unit)));
    found.dedup();
    found
}

/// The app's pod has to be able to come back to where it is.
fn closed(survey: &Survey, unit: &Unit<'_>) -> Option<Refusal> {
    let node = survey.node(unit.node.as_deref()?)?;
    let claim = unit.claims.first()?.seen;
    let tolerations = &app_pod_spec(survey)["tolerations"];
    let why = why_closed(node, tolerations)?;
    Some(Refusal::Mover(MoverReason::NodeClosed {
        node: node.name.clone(),
        claim: claim.name.clone(),
        why,
        is_cordoned: node.unschedulable,
    }))
}

fn why_closed(node: &NodeSeen, tolerations: &Value) -> Option<String> {
    let tolerated = |taint: &Value| tolerations.as_array().is_some_and(|all| all.iter().any(|one| tolerates(one, taint)));
    if node.unschedulable && !tolerated(&json!({ "key": CORDON, "effect": "NoSchedule" })) {
        return Some("it is cordoned".to_owned());
    }
    if !node.ready {
        return Some("it is not ready".to_owned());
    }
    let keeps_out = |taint: &&Value| taint["effect"] == "NoSchedule" || taint["effect"] == "NoExecute";
    let taint = node.taints.iter().filter(keeps_out).find(|taint| !tolerated(taint))?;
    Some(format!("the app's pods do not tolerate its taint `{}`", taint["key"].as_str().unwrap_or_default()))
}

/// `ToleratesTaint` in `k8s.io/component-helpers/scheduling/corev1`. An operator newer than us is taken to tolerate.
fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (effect, key) = (text(&toleration["effect"]), text(&toleration["key"]));
    if !effect.is_empty() && effect != text(&taint["effect"]) || !key.is_empty() && key != text(&taint["key"]) {
        return false;
    }
    match toleration["operator"].as_str() {
        None | Some("" | "Equal") => text(&toleration["value"]) == text(&taint["value"]),
        Some(_) => true,
    }
}

/// A claim that stays has to be reached from where the new volume is. One mover for both ends makes the new one on the app's node; over the
/// network it may come up on any node that its class admits.
fn apart(choice: &Choice<'_>, unit: &Unit<'_>) -> Option<Refusal> {
    let class = choice.class().filter(|_| unit.way.is_over_network())?;
    let claim = unit.claims.first()?.seen;
    let stays = stays(choice, unit).find(|stays| !is_near(choice.survey, class, stays))?;
    Some(Refusal::Target(TargetReason::Apart { claim: claim.name.clone(), stays: stays.name.clone(), class: class.name.clone() }))
}

/// The claims that the pods of a unit use beside it, and that are not moved.
fn stays<'a>(choice: &Choice<'a>, unit: &Unit<'_>) -> impl Iterator<Item = &'a ClaimSeen> {
    let survey = choice.survey;
    let ordinal = unit.claims.iter().find_map(|claim| ordinal(claim.seen));
    let moved: Vec<&str> = choice.moved.iter().map(|claim| claim.seen.name.as_str()).collect();
    let beside = move |claim: &&ClaimSeen| match (&claim.origin, survey.app.kind) {
        (ClaimOrigin::Ephemeral { .. } | ClaimOrigin::Named, _) => false,
        (ClaimOrigin::Template { ordinal: of, .. }, AppKind::StatefulSet) => ordinal.is_none_or(|ordinal| ordinal == *of),
        (ClaimOrigin::Template { .. } | ClaimOrigin::Volume { .. }, _) => true,
    };
    survey.claims.iter().filter(beside).filter(move |claim| !moved.contains(&claim.name.as_str()))
}

fn ordinal(claim: &ClaimSeen) -> Option<u32> {
    match claim.origin {
        ClaimOrigin::Template { ordinal, .. } => Some(ordinal),
        ClaimOrigin::Volume { .. } | ClaimOrigin::Ephemeral { .. } | ClaimOrigin::Named => None,
    }
}

/// Whether every node on which a volume of the class may come up reaches a claim. A provisioner that no node names may serve all.
fn is_near(survey: &Survey, class: &ClassSeen, stays: &ClaimSeen) -> bool {
    let affinity = stays.volume.as_ref().and_then(|volume| volume.node_affinity.as_ref());
    let admitted: Vec<&NodeSeen> = survey.nodes.iter().filter(|node| admits(node, class.allowed_topologies.as_ref())).collect();
    let is_named = admitted.iter().any(|node| runs_driver(node, &class.provisioner));
    let may_hold = |node: &&&NodeSeen| !is_named || runs_driver(node, &class.provisioner);
    admitted.iter().filter(may_hold).all(|node| reaches(&node.labels, affinity))
}
