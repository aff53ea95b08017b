//! The claims that steps create: the staging claim of a target volume, and the app's own claim on either end.

use serde_json::{Value, json};

use super::again::again;
use crate::plan::shape::{CLASS_ANNOTATION, OF_OLD_CLASS};
use crate::plan::{KeptVolume, Request, marks};
use crate::planner::choose::{MovedClaim, wanted_modes};
use crate::size;
use crate::survey::ClaimSeen;

/// The longest name of a claim or pod (RFC 1123 subdomain).
pub(crate) const CLAIM_NAME_MAX: usize = 253;

/// Annotations that controllers keep on a claim for the binding they made; on another claim they would be lies.
const BINDING_ANNOTATIONS: [&str; 5] = [
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
];

/// The staging claim for a new volume of a class.
pub(crate) fn staging_claim(request: &Request, moved: &MovedClaim<'_>, class: &str) -> Value {
    let claim = moved.seen;
    let mut spec = json!({
        "accessModes": wanted_modes(request, claim),
        "volumeMode": if claim.block { "Block" } else { "Filesystem" },
        "resources": { "requests": { "storage": request.size_bytes.map_or_else(|| capacity(claim), |bytes| json!(size::quantity(bytes))) } },
        "storageClassName": class,
    });
    if spec["accessModes"].as_array().is_none_or(Vec::is_empty) {
        spec["accessModes"] = json!(["ReadWriteOnce"]);
    }
    staging(request, moved, spec)
}

/// The staging claim that takes up a kept volume.
pub(crate) fn staging_claim_on(request: &Request, moved: &MovedClaim<'_>, kept: &KeptVolume) -> Value {
    let claim = moved.seen;
    let spec = json!({
        "accessModes": if kept.access_modes.is_empty() { &claim.access_modes } else { &kept.access_modes },
        "volumeMode": if claim.block { "Block" } else { "Filesystem" },
        "resources": { "requests": { "storage": kept.request } },
        "storageClassName": kept.class.clone().unwrap_or_default(),
        "volumeName": kept.volume,
    });
    staging(request, moved, spec)
}

fn staging(request: &Request, moved: &MovedClaim<'_>, spec: Value) -> Value {
    let claim = moved.seen;
    let namespace = &claim.raw["metadata"]["namespace"];
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": moved.staging, "namespace": namespace,
            "labels": { marks::MANAGED_BY: marks::US, marks::RUN: request.run, marks::ROLE: marks::ROLE_STAGING, marks::SLOT: moved.slot },
            "annotations": { marks::CLAIM: format!("{}/{}", namespace.as_str().unwrap_or_default(), claim.name) },
        },
        "spec": spec,
    })
}

/// What the source really holds, which can be more than was asked for.
fn capacity(claim: &ClaimSeen) -> Value {
    match claim.raw.pointer("/status/capacity/storage") {
        Some(capacity) if claim.capacity_bytes >= claim.requested_bytes => capacity.clone(),
        _ => claim.raw["spec"]["resources"]["requests"]["storage"].clone(),
    }
}

/// The claim under its own name again, of another class and perhaps size and access modes, still without its volume's name.
pub(crate) fn adopted_claim(moved: &MovedClaim<'_>) -> Value {
    let (claim, target) = (moved.seen, &moved.target);
    let mut object = released_claim(claim);
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.retain(|field, _| field != "volumeName" && !OF_OLD_CLASS.contains(&field.as_str()));
    }
    // Without a class it would get the default one.
    object["spec"]["storageClassName"] = json!(target.class.as_deref().unwrap_or_default());
    if let Some(size) = &target.size {
        object["spec"]["resources"]["requests"]["storage"] = json!(size);
    }
    if let Some(modes) = &target.modes {
        object["spec"]["accessModes"] = json!(modes);
    }
    object
}

/// The claim as it is, on its own volume, ready to be created again.
pub(crate) fn released_claim(claim: &ClaimSeen) -> Value {
    let mut object = again(&claim.raw);
    if let Some(metadata) = object["metadata"].as_object_mut() {
        // Finalizers and owners come back from the controllers that set them.
        metadata.remove("finalizers");
        metadata.remove("ownerReferences");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|key, _| !BINDING_ANNOTATIONS.contains(&key.as_str()) && key != CLASS_ANNOTATION);
        }
    }
    // Whether the annotation named it, or nothing did: a claim that is made without a class gets the default one, which may be newer than it.
    object["spec"]["storageClassName"] = json!(claim.class.as_deref().unwrap_or_default());
    object
}
