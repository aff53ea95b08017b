//! What a stateful set is, but for what a run changes of it: a digest by which a set is known to be the one that was planned for.

use serde_json::{Value, json};

use super::marks;

/// Fields of `spec` that a run itself sets and puts back.
const OURS: [&str; 2] = ["replicas", "persistentVolumeClaimRetentionPolicy"];

/// Returns the BLAKE3 of all that making the set again would write, in hexadecimal.
pub fn shape(set: &Value) -> String {
    let mut spec = set["spec"].clone();
    if let Some(fields) = spec.as_object_mut() {
        fields.retain(|field, _| !OURS.contains(&field.as_str()));
    }
    let metadata = &set["metadata"];
    let mut labels = metadata["labels"].clone();
    if let Some(fields) = labels.as_object_mut() {
        fields.remove(marks::DRAINED);
    }
    // An empty map is the same as none.
    let labels = if labels.as_object().is_some_and(|labels| labels.is_empty()) { Value::Null } else { labels };
    let whole = json!([spec, labels, metadata["annotations"], metadata["ownerReferences"]]);
    blake3::hash(whole.to_string().as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::shape;

    #[test]
    fn only_what_a_run_changes_does_not_count() {
        let set = json!({ "metadata": { "labels": { "a": "b" } }, "spec": { "replicas": 3, "template": { "x": 1 } } });
        let mut stopped = set.clone();
        stopped["spec"]["replicas"] = json!(0);
        stopped["spec"]["persistentVolumeClaimRetentionPolicy"] = json!({ "whenScaled": "Retain" });
        stopped["metadata"]["labels"]["kubectl-stateful.dev/drained"] = json!("m1.7");
        assert_eq!(shape(&set), shape(&stopped));
        for (pointer, value) in [("/spec/template/x", json!(2)), ("/metadata/labels/a", json!("c"))] {
            let mut other = set.clone();
            *other.pointer_mut(pointer).expect("it is there") = value;
            assert_ne!(shape(&set), shape(&other));
        }
    }
}
