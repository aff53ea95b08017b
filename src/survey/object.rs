//! Facts read out of raw objects of the API, for whoever holds one. No reads, no judgement.

use serde_json::Value;

/// The claims a pod mounts, by name, generic ephemeral ones included.
pub fn claims_of(pod: &Value) -> Vec<String> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let claim = |volume: &Value| match volume["persistentVolumeClaim"]["claimName"].as_str() {
        Some(claim) => Some(claim.to_owned()),
        None => volume.get("ephemeral").map(|_| format!("{name}-{}", volume["name"].as_str().unwrap_or_default())),
    };
    pod["spec"]["volumes"].as_array().into_iter().flatten().filter_map(claim).collect()
}

/// The controlling owner, as kind and name.
pub fn controller(object: &Value) -> Option<(String, String)> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    Some((owner["kind"].as_str()?.to_owned(), owner["name"].as_str()?.to_owned()))
}
