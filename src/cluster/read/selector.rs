//! Label selectors of objects (`metav1.LabelSelector`), matched on our side where the object at hand is not one the server filters.

use serde_json::Value;

use crate::plan::reach;

/// Whether a selector matches labels. A missing selector matches nothing, an empty one everything.
pub(super) fn matches(selector: &Value, labels: &Value) -> bool {
    let Some(selector) = selector.as_object() else { return false };
    let exact = selector.get("matchLabels").and_then(Value::as_object);
    let exact_holds = exact.is_none_or(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value)));
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    let one_holds = |one: &Value| reach::holds(one, |key| labels.get(key).and_then(Value::as_str));
    exact_holds && expressions.is_none_or(|all| all.iter().all(one_holds))
}

/// The selector as a query of the API; none where it has none.
pub(super) fn query(selector: &Value) -> Option<String> {
    let exact = selector["matchLabels"].as_object();
    let mut parts: Vec<String> =
        exact.into_iter().flatten().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    for one in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = one["key"].as_str()?;
        let values: Vec<&str> = one["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        parts.push(match one["operator"].as_str()? {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_match_as_the_server_does() {
        let labels = json!({ "app": "pg", "tier": "db" });
        let expression = |key: &str, operator: &str, values: &[&str]| json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] });
        assert!(matches(&json!({}), &labels));
        assert!(!matches(&Value::Null, &labels));
        assert!(matches(&json!({ "matchLabels": { "app": "pg" } }), &labels));
        assert!(!matches(&json!({ "matchLabels": { "app": "web" } }), &labels));
        assert!(matches(&expression("app", "In", &["web", "pg"]), &labels));
        assert!(matches(&expression("zone", "NotIn", &["a"]), &labels));
        assert!(!matches(&expression("zone", "Exists", &[]), &labels));
        assert!(matches(&expression("zone", "DoesNotExist", &[]), &labels));
        assert_eq!(query(&expression("app", "In", &["a", "b"])).as_deref(), Some("app in (a,b)"));
    }
}
