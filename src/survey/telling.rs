//! What of a survey may be told to others. Objects are kept in it as the server returned them. People put passwords into environment
//! variables, command lines, annotations and fields that no type of ours knows.
//!
//! By allow-lists: every key stays, with numbers and truth values, so that the form of an object can be seen. A text stays only in a part
//! whose keys are Kubernetes' own, under a key that names something or decides where things run and are stored. Where users
//! choose the keys (`options`, `volumeAttributes`) a password may be under any. What is not listed is left out, also of newer types.

use serde_json::Value;

use super::Survey;

/// Stands for a text that is not told.
const LEFT_OUT: &str = "<left out>";

/// Keys whose texts are told: of what the survey itself says, then of the objects in it.
const TOLD: &[&str] = &[
    "serverVersion",
    "clusterUid",
    "name",
    "kind",
    "uid",
    "owner",
    "tool",
    "node",
    "phase",
    "class",
    "podSecurity",
    "accessModes",
    "finalizers",
    "from",
    "template",
    "volume",
    "pod",
    "boundTo",
    "reclaimPolicy",
    "source",
    "driver",
    "provisioner",
    "appliesTo",
    "resource",
    "verb",
    "group",
    "namespace",
    "disruptionBudgets",
    "networkPolicies",
    "unfinishedRuns",
    "claims",
    "revision",
    "scopes",
    "acts",
    // Objects: what they are.
    "apiVersion",
    "apiGroup",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "generateName",
    // Objects: volumes and claims.
    "volumeMode",
    "storageClassName",
    "volumeName",
    "volumeAttributesClassName",
    "claimName",
    "fsType",
    "storage",
    "medium",
    "sizeLimit",
    "mountPath",
    "devicePath",
    "mountPropagation",
    "recursiveReadOnly",
    "whenDeleted",
    "whenScaled",
    "volumeBindingMode",
    "secretName",
    // Objects: what runs, and as whom.
    "image",
    "imageID",
    "imagePullPolicy",
    "nodeName",
    "hostname",
    "subdomain",
    "serviceName",
    "serviceAccountName",
    "serviceAccount",
    "schedulerName",
    "priorityClassName",
    "preemptionPolicy",
    "runtimeClassName",
    "restartPolicy",
    "dnsPolicy",
    "terminationMessagePolicy",
    "fsGroupChangePolicy",
    "fsGroupPolicy",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy",
    "localhostProfile",
    "procMount",
    "protocol",
    "podManagementPolicy",
    "qosClass",
    "key",
    "fieldPath",
    // Objects: where it runs.
    "operator",
    "effect",
    "topologyKey",
    "whenUnsatisfiable",
    "nodeAffinityPolicy",
    "nodeTaintsPolicy",
    "matchLabelKeys",
    // Objects: how it stands.
    "type",
    "status",
    "reason",
    "currentRevision",
    "updateRevision",
    "maxSurge",
    "maxUnavailable",
];

/// Parts within which texts are judged by [`TOLD`]: of the survey, then of objects. All texts within other parts are left out.
const PARTS: &[&str] = &[
    "survey",
    "namespace",
    "app",
    "appliedBy",
    "pods",
    "claims",
    "origin",
    "volume",
    "mountedBy",
    "classes",
    "nodes",
    "quotas",
    "autoscalers",
    "templates",
    "kept",
    "access",
    "claimRef",
    "raw",
    // Objects.
    "metadata",
    "ownerReferences",
    "spec",
    "status",
    "conditions",
    "template",
    "selector",
    "ordinals",
    "strategy",
    "updateStrategy",
    "rollingUpdate",
    "persistentVolumeClaimRetentionPolicy",
    "volumeClaimTemplates",
    "volumeClaimTemplate",
    "resources",
    "dataSource",
    "dataSourceRef",
    // Pods.
    "containers",
    "initContainers",
    "ephemeralContainers",
    "containerStatuses",
    "initContainerStatuses",
    "env",
    "envFrom",
    "valueFrom",
    "secretRef",
    "configMapRef",
    "secretKeyRef",
    "configMapKeyRef",
    "fieldRef",
    "ports",
    "volumes",
    "volumeMounts",
    "volumeDevices",
    "persistentVolumeClaim",
    "configMap",
    "secret",
    "emptyDir",
    "projected",
    "sources",
    "ephemeral",
    "csi",
    "securityContext",
    "seccompProfile",
    "appArmorProfile",
    "imagePullSecrets",
    "affinity",
    "podAffinity",
    "podAntiAffinity",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
    "podAffinityTerm",
    "labelSelector",
    "namespaceSelector",
    "topologySpreadConstraints",
    "readinessGates",
    "schedulingGates",
];

/// Keys under which all texts are told, whatever their keys are.
const TOLD_WHOLE: &[&str] = &[
    "labels",
    "matchLabels",
    "matchExpressions",
    "matchLabelExpressions",
    "nodeSelector",
    "nodeSelectorTerms",
    "nodeAffinity",
    "allowedTopologies",
    "tolerations",
    "taints",
    "requests",
    "limits",
    "capacity",
    "allocatedResources",
    "hard",
    "used",
    "drivers",
    "seLinuxOptions",
    "capabilities",
];

/// Parameters of storage classes that are told; drivers of old take keys and passwords there, too.
const TOLD_PARAMETERS: &[&str] =
    &["type", "fsType", "fstype", "csi.storage.k8s.io/fstype", "skuName", "protocol", "provisioningMode", "tier"];

/// Beginnings of annotations that are told: of Kubernetes' own controllers for volumes and of ours.
const TOLD_ANNOTATIONS: &[&str] = &[
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "storageclass.kubernetes.io/",
    "deployment.kubernetes.io/",
    "meta.helm.sh/",
    "kustomize.toolkit.fluxcd.io/",
    "kubectl-stateful.dev/",
];

/// An annotation of ours that holds keys of a run.
const ORDERS: &str = "kubectl-stateful.dev/orders";

/// Who wrote which field: long, and of no use to a plan.
const DROPPED: &str = "managedFields";

/// A survey as data, without what may be secret.
pub(super) fn told(survey: &Survey) -> Value {
    let mut value = serde_json::to_value(survey).expect("a survey has only string keys");
    walk(&mut value, Rule::Part);
    value
}

/// How what is at a place is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// By its keys.
    Part,
    /// By its keys, as annotations.
    Annotations,
    /// By its keys, as parameters of a class.
    Parameters,
    /// All texts are told.
    Whole,
    /// No text is told.
    Nothing,
}

impl Rule {
    /// The rule for what is under a key.
    fn under(self, key: &str, value: &Value) -> Self {
        let is_part = value.is_object() || value.as_array().is_some_and(|all| all.iter().any(Value::is_object));
        let is_told = match self {
            Self::Whole | Self::Nothing => return self,
            Self::Part if TOLD_WHOLE.contains(&key) => return Self::Whole,
            Self::Part if key == "annotations" => return Self::Annotations,
            Self::Part if key == "parameters" => return Self::Parameters,
            Self::Part if is_part && PARTS.contains(&key) => return Self::Part,
            Self::Part => !is_part && TOLD.contains(&key),
            Self::Annotations => key != ORDERS && TOLD_ANNOTATIONS.iter().any(|beginning| key.starts_with(beginning)),
            Self::Parameters => TOLD_PARAMETERS.contains(&key),
        };
        if is_told { Self::Whole } else { Self::Nothing }
    }
}

fn walk(value: &mut Value, rule: Rule) {
    match value {
        Value::Object(fields) => {
            fields.remove(DROPPED);
            for (key, value) in fields.iter_mut() {
                let rule = rule.under(key, value);
                walk(value, rule);
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|one| walk(one, rule)),
        Value::String(text) if rule != Rule::Whole => *text = LEFT_OUT.to_owned(),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}
