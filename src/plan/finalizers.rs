//! Which finalizers do not keep an object from being deleted for long. Any other is of a controller that would act when the object goes, and
//! may never let it go.
//!
//! Nothing is taken off here: that is for whoever put it there.

use serde_json::Value;

/// Finalizers that Kubernetes' own controllers and well-known drivers put on claims, and that do nothing to the data.
pub const OF_CLAIMS: [&str; 3] = [
    "kubernetes.io/pvc-protection",
    "snapshot.storage.kubernetes.io/pvc-as-source-protection",
    "provisioner.storage.kubernetes.io/cloning-protection",
];

/// Finalizers that come with a deletion, and go with it (`metav1.FinalizerOrphanDependents`, `metav1.FinalizerDeleteDependents`).
pub const OF_DELETIONS: [&str; 2] = ["orphan", "foregroundDeletion"];

/// Finalizers of pods that their own controllers take off when the pod is over (`batch/v1` `JobTrackingFinalizer`).
pub const OF_PODS: [&str; 1] = ["batch.kubernetes.io/job-tracking"];

/// Whether a finalizer is none of these, nor comes with a deletion.
pub fn is_foreign(finalizer: &str, known: &[&str]) -> bool {
    !known.contains(&finalizer) && !OF_DELETIONS.contains(&finalizer)
}

/// Returns the finalizers of an object that are not among these, nor come with a deletion.
pub fn foreign<'a>(object: &'a Value, known: &[&str]) -> Vec<&'a str> {
    let all = object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str);
    all.filter(|finalizer| is_foreign(finalizer, known)).collect()
}
