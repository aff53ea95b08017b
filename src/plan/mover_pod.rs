//! What the mover pod of a plan may be. A plan that is read is data of its author; the pod it wants made would run with the executor's
//! rights behind it. So each part is either one that the product always writes, or one of the few that say where a pod may run.
//!
//! It makes no pod (`planner::objects` does) and knows no other pod than the movers.

use serde_json::{Map, Value, json};

use super::step::StartMover;
use super::{ClaimMove, End, Plan, marks};
use crate::contract::orders;

/// What root needs to keep owners, modes, devices and file capabilities; all of it within the *baseline* level of Pod Security.
pub const CAPABILITIES: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP"];

/// Parts of a pod's spec that say where and with what standing it runs. They are the app's own, or narrower.
const WHERE: [&str; 7] =
    ["affinity", "nodeSelector", "tolerations", "imagePullSecrets", "priorityClassName", "schedulerName", "activeDeadlineSeconds"];

/// Parts of a pod's spec that are the same in every mover.
fn fixed() -> [(&'static str, Value); 4] {
    [
        ("restartPolicy", json!("OnFailure")),
        ("terminationGracePeriodSeconds", json!(2)),
        ("automountServiceAccountToken", json!(false)),
        ("enableServiceLinks", json!(false)),
    ]
}

/// Parts of a pod's security context by which it runs as the app does.
const AS_APP: [&str; 8] = [
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "fsGroup",
    "fsGroupChangePolicy",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxOptions",
];

/// Returns what is not a mover's in a pod's manifest; empty: nothing.
pub(super) fn faults(plan: &Plan, step: &StartMover) -> Vec<String> {
    let manifest = &step.manifest;
    let mut faults = Faults { pod: &step.pod, found: Vec::new() };
    faults.only(manifest, "", &["apiVersion", "kind", "metadata", "spec"]);
    faults.is(&manifest["apiVersion"], "apiVersion", &json!("v1"));
    faults.is(&manifest["kind"], "kind", &json!("Pod"));
    metadata(plan, &manifest["metadata"], &mut faults);
    let spec = &manifest["spec"];
    let known: Vec<&str> = fixed().iter().map(|(key, _)| *key).chain(WHERE).chain(["securityContext", "containers", "volumes"]).collect();
    faults.only(spec, "spec", &known);
    for (key, value) in fixed() {
        faults.is(&spec[key], key, &value);
    }
    faults.only_objects(spec, &["affinity", "nodeSelector"]);
    of_pod(&spec["securityContext"], &mut faults);
    volumes(plan, &spec["volumes"], &mut faults);
    match spec["containers"].as_array().map(Vec::as_slice) {
        Some([container]) => of_container(plan, container, &mut faults),
        _ => faults.add("has not exactly one container"),
    }
    faults.found
}

struct Faults<'a> {
    pod: &'a str,
    found: Vec<String>,
}

impl Faults<'_> {
    fn add(&mut self, what: &str) {
        self.found.push(format!("mover pod {} {what}", self.pod));
    }

    fn is(&mut self, value: &Value, what: &str, wanted: &Value) {
        if value != wanted {
            self.add(&format!("has `{what}` {value}, not {wanted}"));
        }
    }

    /// An object, or nothing, with no other keys than these.
    fn only(&mut self, value: &Value, what: &str, keys: &[&str]) {
        let none = Map::new();
        let fields = value.as_object().unwrap_or(&none);
        if !value.is_object() && !value.is_null() {
            self.add(&format!("has a `{what}` that is no object"));
        }
        for key in fields.keys().filter(|key| !keys.contains(&key.as_str())) {
            self.add(&format!("has `{}{key}`", if what.is_empty() { String::new() } else { format!("{what}.") }));
        }
    }

    fn only_objects(&mut self, spec: &Value, keys: &[&str]) {
        for key in keys.iter().filter(|key| !spec[**key].is_null() && !spec[**key].is_object()) {
            self.add(&format!("has a `{key}` that is no object"));
        }
    }
}

fn metadata(plan: &Plan, metadata: &Value, faults: &mut Faults<'_>) {
    faults.only(metadata, "metadata", &["name", "namespace", "labels", "annotations"]);
    faults.is(&metadata["name"], "metadata.name", &json!(faults.pod));
    faults.is(&metadata["namespace"], "metadata.namespace", &json!(plan.namespace()));
    let labels = json!({ marks::MANAGED_BY: marks::US, marks::RUN: plan.run(), marks::ROLE: marks::ROLE_MOVER });
    faults.is(&metadata["labels"], "metadata.labels", &labels);
    faults.is(&metadata["annotations"], "metadata.annotations", &annotations());
}

/// What every mover pod says to those who would add to it or move it.
#[must_use]
pub fn annotations() -> Value {
    json!({
        "sidecar.istio.io/inject": "false",
        "linkerd.io/inject": "disabled",
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
    })
}

fn of_pod(context: &Value, faults: &mut Faults<'_>) {
    let known: Vec<&str> = AS_APP.into_iter().chain(["seccompProfile"]).collect();
    faults.only(context, "securityContext", &known);
    faults.is(&context["seccompProfile"], "seccompProfile", &json!({ "type": "RuntimeDefault" }));
}

/// The security context of a mover's container: as root with the few capabilities, or as whom the pod runs with none.
#[must_use]
pub fn security_context(is_root: bool) -> Value {
    let mut context = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "privileged": false, "capabilities": { "drop": ["ALL"] },
    });
    if is_root {
        context["runAsUser"] = json!(0);
        context["runAsGroup"] = json!(0);
        context["capabilities"]["add"] = json!(CAPABILITIES);
    }
    context
}

fn of_container(plan: &Plan, container: &Value, faults: &mut Faults<'_>) {
    let known = [
        "name",
        "image",
        "imagePullPolicy",
        "args",
        "volumeMounts",
        "volumeDevices",
        "terminationMessagePolicy",
        "resources",
        "securityContext",
    ];
    faults.only(container, "containers[0]", &known);
    let image = json!(plan.request.mover_image);
    for (key, wanted) in [("name", json!(MOVER)), ("image", image), ("imagePullPolicy", json!("IfNotPresent")), ("args", json!(["agent"]))]
    {
        faults.is(&container[key], key, &wanted);
    }
    faults.is(&container["terminationMessagePolicy"], "terminationMessagePolicy", &json!("FallbackToLogsOnError"));
    if ![true, false].map(security_context).contains(&container["securityContext"]) {
        faults.add("has a `securityContext` of its own making");
    }
    faults.only(&container["resources"], "resources", &["requests", "limits"]);
    for part in ["requests", "limits"] {
        faults.only(&container["resources"][part], part, &["cpu", "memory", "ephemeral-storage"]);
    }
    uses(plan, container, "volumeMounts", "mountPath", faults);
    uses(plan, container, "volumeDevices", "devicePath", faults);
}

/// The name of a mover's own container.
pub const MOVER: &str = "mover";

/// What is known of the mover's own container in a pod: the cluster may have put others there, before or after it. Null: nothing yet.
#[must_use]
pub fn status(pod: &Value) -> &Value {
    static NOTHING: Value = Value::Null;
    let mut all = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    all.find(|status| status["name"] == MOVER).unwrap_or(&NOTHING)
}

/// Each volume is where movers look for it, and nothing else of it is asked for.
fn uses(plan: &Plan, container: &Value, field: &str, path: &str, faults: &mut Faults<'_>) {
    for one in container[field].as_array().into_iter().flatten() {
        faults.only(one, field, &["name", path, "readOnly"]);
        let name = one["name"].as_str().unwrap_or_default();
        let wanted = match (name, end_and_move(plan, name)) {
            ("orders", _) => "/orders".to_owned(),
            ("state", _) => orders::STATE_ROOT.to_owned(),
            (_, Some((End::Source, moved))) => format!("{}/{}", orders::SOURCE_ROOT, moved.slot),
            (_, Some((End::Target, moved))) => format!("{}/{}", orders::TARGET_ROOT, moved.slot),
            (_, None) => {
                faults.add(&format!("mounts `{name}`"));
                continue;
            }
        };
        faults.is(&one[path], path, &json!(wanted));
        if name.starts_with("source-") && field == "volumeMounts" {
            faults.is(&one["readOnly"], "readOnly", &json!(true));
        }
    }
}

/// The end and the claim that a volume `source-SLOT` or `target-SLOT` stands for.
fn end_and_move<'a>(plan: &'a Plan, volume: &str) -> Option<(End, &'a ClaimMove)> {
    let (end, slot) = match (volume.strip_prefix("source-"), volume.strip_prefix("target-")) {
        (Some(slot), _) => (End::Source, slot),
        (None, Some(slot)) => (End::Target, slot),
        (None, None) => return None,
    };
    plan.moves.iter().find(|one| one.slot.0 == slot).map(|one| (end, one))
}

/// Whether a mover mounts source volumes.
pub(super) fn reads(plan: &Plan, manifest: &Value) -> bool {
    let mut names = manifest["spec"]["volumes"].as_array().into_iter().flatten().filter_map(|volume| volume["name"].as_str());
    names.any(|name| matches!(end_and_move(plan, name), Some((End::Source, _))))
}

fn volumes(plan: &Plan, volumes: &Value, faults: &mut Faults<'_>) {
    for volume in volumes.as_array().into_iter().flatten() {
        let name = volume["name"].as_str().unwrap_or_default();
        match (name, end_and_move(plan, name)) {
            ("orders", _) => faults.is(volume, "volumes", &orders_volume()),
            ("state", _) => {
                faults.only(volume, "volumes", &["name", "emptyDir"]);
                faults.only(&volume["emptyDir"], "emptyDir", &["sizeLimit"]);
            }
            (_, Some((end, moved))) => {
                faults.only(volume, "volumes", &["name", "persistentVolumeClaim"]);
                let source = &volume["persistentVolumeClaim"];
                faults.only(source, "persistentVolumeClaim", &["claimName", "readOnly"]);
                let claim = match end {
                    End::Source => &moved.claim,
                    End::Target => &moved.target.claim,
                };
                faults.is(&source["claimName"], "claimName", &json!(claim));
            }
            (_, None) => faults.add(&format!("has a volume `{name}`")),
        }
    }
}

/// The volume in which a mover finds its orders.
#[must_use]
pub fn orders_volume() -> Value {
    let annotation = format!("metadata.annotations['{}']", marks::ORDERS);
    json!({ "name": "orders", "downwardAPI": { "items": [{ "path": "orders", "fieldRef": { "fieldPath": annotation } }] } })
}
