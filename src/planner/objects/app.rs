//! The app's own objects made again: the stateful set with other claim templates, the bare pod, and what its pods are made from.

use serde_json::{Value, json};

use super::again::again;
use crate::plan::shape::{CLASS_ANNOTATION, OF_OLD_CLASS};
use crate::planner::choose::Template;
use crate::survey::{Survey, object};

/// The set again, with other classes in some of its claim templates.
pub(crate) fn set_again(raw: &Value, replicas: u32, pinned: bool, template_of: impl Fn(&str) -> Option<Template>) -> Value {
    let mut set = again(raw);
    set["spec"]["replicas"] = json!(replicas);
    if pinned {
        set["spec"]["persistentVolumeClaimRetentionPolicy"] = json!({ "whenDeleted": "Retain", "whenScaled": "Retain" });
    }
    let Some(templates) = set.pointer_mut("/spec/volumeClaimTemplates").and_then(Value::as_array_mut) else { return set };
    for template in templates {
        let name = object::name(template).to_owned();
        if let Some(Template { class, size, modes }) = template_of(&name) {
            if let Some(spec) = template["spec"].as_object_mut() {
                spec.retain(|field, _| !OF_OLD_CLASS.contains(&field.as_str()));
            }
            template["spec"]["storageClassName"] = json!(class);
            if let Some(size) = size {
                template["spec"]["resources"]["requests"]["storage"] = json!(size);
            }
            if let Some(modes) = modes {
                template["spec"]["accessModes"] = json!(modes);
            }
            // By pointer: indexing would put a null where there is nothing.
            if let Some(annotations) = template.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
                annotations.remove(CLASS_ANNOTATION);
            }
        }
    }
    set
}

/// The pod again, free to be scheduled where its volumes are.
pub(crate) fn pod_again(raw: &Value) -> Value {
    let mut pod = again(raw);
    if let Some(spec) = pod["spec"].as_object_mut() {
        spec.remove("nodeName");
        // A pod cannot be created with what `kubectl debug` put into it.
        spec.remove("ephemeralContainers");
    }
    pod
}

/// The spec the app's pods are made from.
pub(crate) fn app_pod_spec(survey: &Survey) -> Value {
    let raw = &survey.app.raw;
    raw.pointer("/spec/template/spec")
        .or_else(|| (raw["kind"] == "Pod").then(|| &raw["spec"]))
        .or_else(|| survey.app.pods.iter().find(|pod| !pod.is_over()).map(|pod| &pod.spec))
        .cloned()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_was_debugged_can_be_made_again() {
        let pod = json!({ "metadata": { "name": "p", "uid": "u" }, "spec": { "nodeName": "n", "containers": [], "ephemeralContainers": [{ "name": "d" }] } });
        assert_eq!(pod_again(&pod), json!({ "metadata": { "name": "p" }, "spec": { "containers": [] } }));
    }
}
