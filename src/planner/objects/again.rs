//! An object made again as it was. From raw JSON, so that fields we do not know survive; what the server writes by itself is taken out.

use serde_json::Value;

/// Fields of `metadata` that belong to the server.
const SERVER_METADATA: [&str; 9] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
    "generateName",
];

/// An object as it was, ready to be created again.
pub(crate) fn again(raw: &Value) -> Value {
    let mut object = raw.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in SERVER_METADATA {
            metadata.remove(field);
        }
    }
    object
}
