//! The mover pods: those that copy, and the one that compares. They have no service account. What such a pod may be at all is in
//! `plan::mover_pod`.

use std::time::Duration;

use serde_json::{Value, json};

use super::identity::{Identity, lets_root_in};
use super::limits;
use super::mounts::Mounts;
use super::mover_end::{MoverEnd, mover_name};
use super::place::{only_on, place};
use super::resources::needs;
use crate::contract::orders;
use crate::plan::marks;
use crate::plan::mover_pod::{self, MOVER};
use crate::planner::choose::{Choice, Unit};
use crate::survey::{ClaimSeen, Survey};

/// Beyond the time that its copies may take a mover is there for this long, for all that a run does besides.
const BESIDES_SECS: u64 = 3600;

/// What `activeDeadlineSeconds` can hold (Kubernetes validates it as a positive 32-bit number).
const LIVES_SECS_MAX: u64 = i32::MAX as u64;

/// A mover pod. It has no service account.
pub(crate) fn mover_pod(choice: &Choice<'_>, unit: &Unit<'_>, end: MoverEnd) -> Value {
    let (request, survey) = (choice.request, choice.survey);
    let identity = Identity::of(request, survey).unwrap_or(Identity::Root);
    // A warm copy and a last one; what outlives them has no executor any more.
    let lives_secs = request.copy_secs_max.saturating_mul(2);
    let mut spec = mover_spec(&request.mover_image, survey, &identity, Mounts::of(request, unit, end), lives_secs);
    place(&mut spec, survey, unit, end);
    let labels = json!({ marks::MANAGED_BY: marks::US, marks::RUN: request.run, marks::ROLE: marks::ROLE_MOVER });
    pod(&mover_name(request, unit, end), survey, labels, spec)
}

/// The names under which a mover finds two claims that it compares.
pub const COMPARED: [&str; 2] = ["one", "other"];

/// A mover pod that compares two claims, on this node if one of them is held there; none where it would not be let in as root, who alone
/// can read everything.
#[must_use]
pub fn comparing_pod(
    name: &str,
    image: &str,
    survey: &Survey,
    claims: [&ClaimSeen; 2],
    node: Option<&str>,
    within: Duration,
) -> Option<Value> {
    if !lets_root_in(survey) {
        return None;
    }
    let mut mounts = Mounts::without_volumes(claims.iter().map(|claim| claim.capacity_bytes).fold(0, u64::saturating_add));
    for (claim, slot) in claims.into_iter().zip(COMPARED) {
        mounts.add("source", orders::SOURCE_ROOT, slot, &claim.name, claim.block);
    }
    let mut spec = mover_spec(image, survey, &Identity::Root, mounts, within.as_secs());
    if let Some(node) = node {
        spec["affinity"] = only_on(survey, node);
    }
    let labels = json!({ marks::MANAGED_BY: marks::US, marks::ROLE: marks::ROLE_MOVER });
    Some(pod(name, survey, labels, spec))
}

fn mover_spec(image: &str, survey: &Survey, identity: &Identity, volumes: Mounts, lives_secs: u64) -> Value {
    let mut container = json!({
        "name": MOVER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["agent"],
        "volumeMounts": volumes.mounts,
        "volumeDevices": volumes.devices,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": needs(survey).manifest(),
        "securityContext": identity.of_container(),
    });
    limits::say(&mut container["resources"], &survey.limits, volumes.state_bytes);
    if volumes.devices.is_empty() {
        container.as_object_mut().map(|fields| fields.remove("volumeDevices"));
    }
    json!({
        "restartPolicy": "OnFailure",
        "terminationGracePeriodSeconds": 2,
        "activeDeadlineSeconds": lives_secs.saturating_add(BESIDES_SECS).min(LIVES_SECS_MAX),
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": identity.of_pod(),
        "containers": [container],
        "volumes": volumes.volumes,
    })
}

fn pod(name: &str, survey: &Survey, labels: Value, spec: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": survey.namespace.name, "labels": labels,
            "annotations": mover_pod::annotations(),
        },
        "spec": spec,
    })
}
