//! What can be done about the object of a pod that is over.

/// Returns how it is removed, and what it waits for then.
pub(super) fn dead_pod_hint(pod: &str, finalizers: &[String], namespace: &str) -> String {
    let remove = format!("keep its log if you need it, then remove its object with `kubectl delete pod {pod} -n {namespace}`");
    if finalizers.is_empty() { remove } else { format!("{remove}; it goes once `{}` is taken off it", finalizers.join("`, `")) }
}
