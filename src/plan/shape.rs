//! What a stateful set is, but for what a run changes of it: a digest by which a set is known to be the one that was planned for.

use serde_json::{Map, Value, json};

use super::marks;

/// Fields of a claim's spec, or a claim template's, that name things of its old class or its old volume: a claim of another class would wait
/// for them without end (a selector is for volumes made by hand, attributes classes and snapshots are of one driver).
pub const OF_OLD_CLASS: [&str; 4] = ["dataSource", "dataSourceRef", "selector", "volumeAttributesClassName"];

/// The annotation by which a claim or a claim template may name its class, too. It wins over the field.
pub const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

/// Fields of `spec` that a run itself sets and puts back.
const OURS: [&str; 2] = ["replicas", "persistentVolumeClaimRetentionPolicy"];

/// Returns the BLAKE3 of what a set's pods are made from, and of whose it is, in hexadecimal. Labels and annotations of the set itself are no part of
/// it: consoles and controllers write there at any time, and what they have written is kept ([`metadata_changes`]).
pub fn shape(set: &Value) -> String {
    blake3::hash(json!([spec(set), set["metadata"]["ownerReferences"]]).to_string().as_bytes()).to_hex().to_string()
}

/// Whether a set has this shape, as this version or an earlier one takes it.
pub fn is_of_shape(set: &Value, planned: &str) -> bool {
    planned == shape(set) || planned == shape_with_metadata(set)
}

fn spec(set: &Value) -> Value {
    let mut spec = set["spec"].clone();
    if let Some(fields) = spec.as_object_mut() {
        fields.retain(|field, _| !OURS.contains(&field.as_str()));
    }
    spec
}

/// The parts of an object's metadata that anybody writes to.
const ANYBODYS: [&str; 2] = ["labels", "annotations"];

/// Returns what has changed of a set's labels and annotations, as a merge patch (RFC 7386) of its metadata; empty: nothing.
pub fn metadata_changes(planned: &Value, now: &Value) -> Value {
    let mut changes = Map::new();
    for part in ANYBODYS {
        let (none, empty) = (Map::new(), Map::new());
        let before = planned["metadata"][part].as_object().unwrap_or(&none);
        let after = now["metadata"][part].as_object().unwrap_or(&empty);
        let gone = before.keys().filter(|key| !after.contains_key(*key)).map(|key| (key.clone(), Value::Null));
        let new = after.iter().filter(|(key, value)| before.get(*key) != Some(value)).map(|(key, value)| (key.clone(), value.clone()));
        let changed: Map<String, Value> = gone.chain(new).filter(|(key, _)| key != marks::DRAINED).collect();
        if !changed.is_empty() {
            changes.insert(part.to_owned(), Value::Object(changed));
        }
    }
    Value::Object(changes)
}

/// Returns a set with such changes.
pub fn with_metadata(set: &Value, changes: &Value) -> Value {
    let mut set = set.clone();
    for part in ANYBODYS {
        let Some(changed) = changes[part].as_object().filter(|changed| !changed.is_empty()) else { continue };
        if !set["metadata"][part].is_object() {
            set["metadata"][part] = json!({});
        }
        let fields = set["metadata"][part].as_object_mut().expect("just made");
        for (key, value) in changed {
            match value {
                Value::Null => drop(fields.remove(key)),
                value => drop(fields.insert(key.clone(), value.clone())),
            }
        }
    }
    set
}

/// As plans of earlier versions have it, with the labels and annotations of the set.
fn shape_with_metadata(set: &Value) -> String {
    let metadata = &set["metadata"];
    let mut labels = metadata["labels"].clone();
    if let Some(fields) = labels.as_object_mut() {
        fields.remove(marks::DRAINED);
    }
    // An empty map is the same as none.
    let labels = if labels.as_object().is_some_and(|labels| labels.is_empty()) { Value::Null } else { labels };
    let whole = json!([spec(set), labels, metadata["annotations"], metadata["ownerReferences"]]);
    blake3::hash(whole.to_string().as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{is_of_shape, metadata_changes, shape, shape_with_metadata, with_metadata};

    #[test]
    fn only_what_a_run_changes_does_not_count() {
        let set = json!({ "metadata": { "labels": { "a": "b" } }, "spec": { "replicas": 3, "template": { "x": 1 } } });
        let mut stopped = set.clone();
        stopped["spec"]["replicas"] = json!(0);
        stopped["spec"]["persistentVolumeClaimRetentionPolicy"] = json!({ "whenScaled": "Retain" });
        stopped["metadata"]["labels"]["kubectl-stateful.dev/drained"] = json!("m1.7");
        assert_eq!(shape(&set), shape(&stopped));
        assert!(is_of_shape(&stopped, &shape_with_metadata(&set)), "plans of earlier versions still count");
        let mut other = set.clone();
        other["spec"]["template"]["x"] = json!(2);
        assert_ne!(shape(&set), shape(&other));
    }

    #[test]
    fn what_others_wrote_to_the_metadata_comes_again() {
        let set = json!({ "metadata": { "labels": { "a": "b" }, "annotations": { "old": "1", "same": "2" } }, "spec": {} });
        let now = json!({ "metadata": { "labels": { "a": "b", "kubectl-stateful.dev/drained": "m1.2" },
            "annotations": { "same": "2", "reached-at": "[]" } }, "spec": {} });
        assert_eq!(shape(&set), shape(&now));
        let changes = metadata_changes(&set, &now);
        assert_eq!(changes, json!({ "annotations": { "old": null, "reached-at": "[]" } }));
        assert_eq!(with_metadata(&set, &changes)["metadata"]["annotations"], now["metadata"]["annotations"]);
        assert_eq!(metadata_changes(&set, &set), json!({}));
    }
}
