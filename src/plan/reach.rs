//! Whether a node can get to a volume, by the volume's `nodeAffinity`. Knows nothing of drivers.

use std::collections::BTreeMap;

use serde_json::Value;

/// Whether a node with these labels is within a volume's `nodeAffinity` (terms are alternatives, expressions all hold); none: any is.
pub fn reaches(labels: &BTreeMap<String, String>, affinity: Option<&Value>) -> bool {
    let Some(terms) = affinity.and_then(|affinity| affinity.pointer("/required/nodeSelectorTerms")).and_then(Value::as_array) else {
        return true;
    };
    let one_holds = |one: &Value| holds(one, |key| labels.get(key).map(String::as_str));
    terms.iter().any(|term| term["matchExpressions"].as_array().is_none_or(|all| all.iter().all(one_holds)))
}

/// Whether one of a selector's `matchExpressions`, of nodes or of any objects, holds for what has these labels.
pub fn holds<'a>(expression: &Value, label: impl Fn(&str) -> Option<&'a str>) -> bool {
    let label = expression["key"].as_str().and_then(label);
    let listed =
        || label.is_some_and(|label| expression["values"].as_array().is_some_and(|values| values.iter().any(|value| value == label)));
    match expression["operator"].as_str() {
        Some("In") => listed(),
        Some("NotIn") => !listed(),
        Some("Exists") => label.is_some(),
        Some("DoesNotExist") => label.is_none(),
        // `Gt` and `Lt` are of nodes only and not used for volumes; not knowing, do not rely on it.
        _ => false,
    }
}
