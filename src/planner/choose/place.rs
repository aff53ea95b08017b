//! Whether one node reaches both ends of a copy, by what classes, drivers and volumes say of nodes.

use serde_json::Value;

use super::claim::MovedClaim;
use crate::plan::reach::reaches;
use crate::plan::{Destination, Request};
use crate::survey::{NodeSeen, Survey};

/// Whether one pod can be sure to reach both the source volume and the target volume to be.
pub(super) fn meets(request: &Request, survey: &Survey, claim: &MovedClaim<'_>, node: Option<&str>) -> bool {
    let source = claim.seen.volume.as_ref();
    let candidates: Vec<&NodeSeen> = match node {
        Some(name) => survey.node(name).into_iter().collect(),
        None => {
            survey.nodes.iter().filter(|node| source.is_none_or(|volume| reaches(&node.labels, volume.node_affinity.as_ref()))).collect()
        }
    };
    let target = |node: &&NodeSeen| match &request.destination {
        Destination::StorageClass { name } => survey.class(name).is_some_and(|class| {
            // A volume that is made before its first consumer may turn up anywhere.
            class.waits_for_consumer && admits(node, class.allowed_topologies.as_ref()) && runs_driver(node, &class.provisioner)
        }),
        Destination::KeptVolumes { .. } => claim.kept.is_some_and(|kept| reaches(&node.labels, kept.node_affinity.as_ref())),
    };
    candidates.iter().any(target)
}

/// A node that says which CSI drivers it has, and not this one, cannot mount its volumes.
pub(crate) fn runs_driver(node: &NodeSeen, provisioner: &str) -> bool {
    node.drivers.is_empty() || node.drivers.contains_key(provisioner)
}

/// Whether a node is within a class' `allowedTopologies`.
pub(crate) fn admits(node: &NodeSeen, topologies: Option<&Value>) -> bool {
    let Some(terms) = topologies.and_then(Value::as_array).filter(|terms| !terms.is_empty()) else { return true };
    let within = |one: &Value| {
        let label = node.labels.get(one["key"].as_str().unwrap_or_default());
        label.is_some_and(|label| one["values"].as_array().is_some_and(|values| values.iter().any(|value| value == label)))
    };
    terms.iter().any(|term| term["matchLabelExpressions"].as_array().is_none_or(|all| all.iter().all(within)))
}
