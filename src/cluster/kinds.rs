//! The kinds of objects the product reads or writes, as their REST paths. Kinds of other API groups are found by discovery.

use serde::{Deserialize, Serialize};

/// One resource type of the Kubernetes API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Kind {
    /// The API group, empty for the core group.
    pub group: std::borrow::Cow<'static, str>,
    /// The version within the group.
    pub version: std::borrow::Cow<'static, str>,
    /// The plural, as in paths.
    pub plural: std::borrow::Cow<'static, str>,
    /// The kind, as in manifests.
    pub kind: std::borrow::Cow<'static, str>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $group:literal / $version:literal / $plural:literal ($kind:literal, $namespaced:literal);)*) => {
        impl Kind {
            $($(#[$doc])* pub const $name: Self = Self {
                group: std::borrow::Cow::Borrowed($group),
                version: std::borrow::Cow::Borrowed($version),
                plural: std::borrow::Cow::Borrowed($plural),
                kind: std::borrow::Cow::Borrowed($kind),
                namespaced: $namespaced,
            };)*
        }
    };
}

kinds! {
    /// Namespaces.
    NAMESPACE = "" / "v1" / "namespaces" ("Namespace", false);
    /// Pods.
    POD = "" / "v1" / "pods" ("Pod", true);
    /// Claims on persistent volumes.
    CLAIM = "" / "v1" / "persistentvolumeclaims" ("PersistentVolumeClaim", true);
    /// Persistent volumes.
    VOLUME = "" / "v1" / "persistentvolumes" ("PersistentVolume", false);
    /// Config maps: the journal lives in them.
    CONFIG_MAP = "" / "v1" / "configmaps" ("ConfigMap", true);
    /// Nodes.
    NODE = "" / "v1" / "nodes" ("Node", false);
    /// Events, read to say why a pod does not start.
    EVENT = "" / "v1" / "events" ("Event", true);
    /// Quotas of a namespace.
    RESOURCE_QUOTA = "" / "v1" / "resourcequotas" ("ResourceQuota", true);
    /// Limits on single objects of a namespace.
    LIMIT_RANGE = "" / "v1" / "limitranges" ("LimitRange", true);
    /// Stateful sets.
    STATEFUL_SET = "apps" / "v1" / "statefulsets" ("StatefulSet", true);
    /// Deployments.
    DEPLOYMENT = "apps" / "v1" / "deployments" ("Deployment", true);
    /// Replica sets.
    REPLICA_SET = "apps" / "v1" / "replicasets" ("ReplicaSet", true);
    /// Daemon sets.
    DAEMON_SET = "apps" / "v1" / "daemonsets" ("DaemonSet", true);
    /// Jobs.
    JOB = "batch" / "v1" / "jobs" ("Job", true);
    /// Cron jobs.
    CRON_JOB = "batch" / "v1" / "cronjobs" ("CronJob", true);
    /// Storage classes.
    STORAGE_CLASS = "storage.k8s.io" / "v1" / "storageclasses" ("StorageClass", false);
    /// CSI drivers.
    CSI_DRIVER = "storage.k8s.io" / "v1" / "csidrivers" ("CSIDriver", false);
    /// Which CSI drivers run on which nodes, with their topology keys.
    CSI_NODE = "storage.k8s.io" / "v1" / "csinodes" ("CSINode", false);
    /// How much storage drivers say they have left: each in the namespace of its driver, and read from all of them at once.
    CSI_CAPACITY = "storage.k8s.io" / "v1" / "csistoragecapacities" ("CSIStorageCapacity", false);
    /// Volumes attached to nodes.
    VOLUME_ATTACHMENT = "storage.k8s.io" / "v1" / "volumeattachments" ("VolumeAttachment", false);
    /// Leases: one executor at a time.
    LEASE = "coordination.k8s.io" / "v1" / "leases" ("Lease", true);
    /// Disruption budgets.
    DISRUPTION_BUDGET = "policy" / "v1" / "poddisruptionbudgets" ("PodDisruptionBudget", true);
    /// Horizontal autoscalers.
    AUTOSCALER = "autoscaling" / "v2" / "horizontalpodautoscalers" ("HorizontalPodAutoscaler", true);
    /// Network policies.
    NETWORK_POLICY = "networking.k8s.io" / "v1" / "networkpolicies" ("NetworkPolicy", true);
    /// Questions about our own permissions.
    ACCESS_REVIEW = "authorization.k8s.io" / "v1" / "selfsubjectaccessreviews" ("SelfSubjectAccessReview", false);
}

impl Kind {
    /// `v1` or `apps/v1`, as in manifests.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The REST path of the collection, or of one object in it.
    pub fn path(&self, namespace: &str, name: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", self.group) };
        // Whatever a name holds, it stays one segment of the path.
        let middle = if self.namespaced && !namespace.is_empty() { format!("/namespaces/{}", encoded(namespace)) } else { String::new() };
        let tail = name.map(|name| format!("/{}", encoded(name))).unwrap_or_default();
        format!("{root}/{}{middle}/{}{tail}", self.version, self.plural)
    }
}

/// Percent-encodes everything but the characters that are plain in a path's segment and in a query.
pub(super) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_survives_the_query() {
        assert_eq!(encoded("app in (a,b)"), "app%20in%20%28a%2Cb%29");
    }

    #[test]
    fn a_name_is_one_segment_whatever_it_holds() {
        let path = Kind::POD.path("x/secrets?y=", Some("../../nodes"));
        assert_eq!(path, "/api/v1/namespaces/x%2Fsecrets%3Fy%3D/pods/..%2F..%2Fnodes");
    }
}
