//! What is read out of raw objects wherever that is done: names, labels, owners, conditions, claims of pods. It reads and judges nothing.

use std::collections::BTreeMap;

use serde_json::Value;

/// Returns a string at a JSON pointer; empty when there is none.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Returns all strings of a list at a JSON pointer; anything else in it reads as empty.
pub fn texts(object: &Value, pointer: &str) -> Vec<String> {
    let all = object.pointer(pointer).and_then(Value::as_array);
    all.into_iter().flatten().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
}

/// Returns the object of strings at a JSON pointer; anything else in it reads as empty.
pub fn texts_by_key(object: &Value, pointer: &str) -> BTreeMap<String, String> {
    let all = object.pointer(pointer).and_then(Value::as_object);
    all.into_iter().flatten().map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// Returns the name of an object; empty when it has none yet.
pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// Returns the uid of an object; empty when it has none yet.
pub fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// Returns a label; none when the object does not bear it.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["labels"][key].as_str()
}

/// Returns an annotation; none when the object does not bear it.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["annotations"][key].as_str()
}

/// Whether an object is being deleted.
pub fn is_terminating(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// Returns the controlling owner, as kind and name.
pub fn controller(object: &Value) -> Option<(&str, &str)> {
    let owner = owner(object)?;
    Some((owner["kind"].as_str()?, owner["name"].as_str()?))
}

/// Returns the whole reference to the controlling owner.
pub fn owner(object: &Value) -> Option<&Value> {
    owners(object).find(|owner| owner["controller"] == true)
}

/// Returns the references to all owners.
pub fn owners(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["ownerReferences"].as_array().into_iter().flatten()
}

/// Whether the condition `Ready` of a pod or node is true.
pub fn is_ready(object: &Value) -> bool {
    let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// Returns the claims that a pod mounts, by name, generic ephemeral ones included.
pub fn mounted_claims(pod: &Value) -> Vec<String> {
    let claim = |volume: &Value| match volume["persistentVolumeClaim"]["claimName"].as_str() {
        Some(claim) => Some(claim.to_owned()),
        None => volume.get("ephemeral").map(|_| format!("{}-{}", name(pod), text(volume, "/name"))),
    };
    pod["spec"]["volumes"].as_array().into_iter().flatten().filter_map(claim).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_there_reads_as_nothing() {
        let nothing = json!({});
        assert_eq!((name(&nothing), uid(&nothing), label(&nothing, "a"), controller(&nothing)), ("", "", None, None));
        assert!(!is_terminating(&nothing) && !is_ready(&nothing) && mounted_claims(&nothing).is_empty());
    }

    #[test]
    fn a_pod_mounts_named_and_ephemeral_claims() {
        let volumes = json!([
            { "name": "data", "persistentVolumeClaim": { "claimName": "data-pg-0" } },
            { "name": "scratch", "ephemeral": {} },
            { "name": "config", "configMap": {} },
        ]);
        let pod = json!({ "metadata": { "name": "pg-0" }, "spec": { "volumes": volumes } });
        assert_eq!(mounted_claims(&pod), ["data-pg-0", "pg-0-scratch"]);
    }

    #[test]
    fn only_a_controlling_owner_controls() {
        let owners = json!([{ "kind": "A", "name": "a" }, { "kind": "B", "name": "b", "controller": true }]);
        assert_eq!(controller(&json!({ "metadata": { "ownerReferences": owners } })), Some(("B", "b")));
    }
}
