//! Whether a node can get to a volume, by the volume's `nodeAffinity`. Knows nothing of drivers.

use std::collections::BTreeMap;

use serde_json::Value;

/// Whether a node with these labels is within a volume's `nodeAffinity` (terms are alternatives, expressions all hold); none: any is.
pub fn reaches(labels: &BTreeMap<String, String>, affinity: Option<&Value>) -> bool {
    let Some(terms) = affinity.and_then(|affinity| affinity.pointer("/required/nodeSelectorTerms")).and_then(Value::as_array) else {
        return true;
    };
    let all_hold = |term: &Value| term["matchExpressions"].as_array().is_none_or(|all| all.iter().all(|one| holds(labels, one)));
    terms.iter().any(all_hold)
}

fn holds(labels: &BTreeMap<String, String>, one: &Value) -> bool {
    let label = labels.get(one["key"].as_str().unwrap_or_default());
    let listed = || label.is_some_and(|label| one["values"].as_array().is_some_and(|values| values.iter().any(|value| value == label)));
    match one["operator"].as_str() {
        Some("In") => listed(),
        Some("NotIn") => !listed(),
        Some("Exists") => label.is_some(),
        Some("DoesNotExist") => label.is_none(),
        // `Gt` and `Lt` are not used for volumes; not knowing, do not rely on it.
        _ => false,
    }
}
