//! Label selectors, as far as the product writes them: `a=b`, `a!=b`, `a`, joined by commas.

use serde_json::Value;

/// Whether an object's labels match.
pub(crate) fn matches(selector: &str, object: &Value) -> bool {
    let label = |key: &str| object["metadata"]["labels"][key].as_str();
    selector.split(',').filter(|part| !part.is_empty()).all(|part| {
        if let Some((key, value)) = part.split_once("!=") {
            return label(key) != Some(value);
        }
        match part.split_once('=') {
            Some((key, value)) => label(key.trim_end_matches('=')) == Some(value.trim_start_matches('=')),
            None => label(part).is_some(),
        }
    })
}

/// Whether an object has all of these labels (`matchLabels`).
pub(crate) fn has_labels(wanted: &Value, object: &Value) -> bool {
    let Some(wanted) = wanted.as_object() else { return false };
    wanted.iter().all(|(key, value)| object["metadata"]["labels"][key.as_str()] == *value)
}
