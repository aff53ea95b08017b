//! What is moved in the sweep: one line a scenario, each an app with its claims and the class it goes to.

use serde_json::{Value, json};

use kubectl_stateful::cluster::read::Reference;
use kubectl_stateful::survey::AppKind;

use super::Sim;

/// One app and its move.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(super) make: fn(&mut Sim),
    pub(crate) kind: AppKind,
    pub(crate) app: &'static str,
    pub(crate) to: &'static str,
    /// The app is moved first, and what is swept is its way back.
    pub(crate) is_back: bool,
    /// The move breaks off at this step, and what is swept is taking it back.
    pub(crate) taken_back_from: Option<&'static str>,
    /// Nothing is copied before the app is stopped, so that movers are started and taken away while it is down.
    pub(crate) is_cold: bool,
}

const fn scenario(name: &'static str, make: fn(&mut Sim), kind: AppKind, app: &'static str, to: &'static str) -> Scenario {
    Scenario { name, make, kind, app, to, is_back: false, taken_back_from: None, is_cold: false }
}

const fn back(name: &'static str, make: fn(&mut Sim), kind: AppKind, app: &'static str, to: &'static str) -> Scenario {
    Scenario { name, make, kind, app, to, is_back: true, taken_back_from: None, is_cold: false }
}

const fn undone(name: &'static str, make: fn(&mut Sim), kind: AppKind, app: &'static str, step: &'static str) -> Scenario {
    Scenario { name, make, kind, app, to: "fast", is_back: false, taken_back_from: Some(step), is_cold: false }
}

/// The plainest of all.
pub(crate) static SMALL_SET: Scenario = scenario("set", small_set, AppKind::StatefulSet, "db", "fast");

/// As plain, without a stateful set.
pub(crate) static DEPLOYMENT: Scenario = scenario("deployment", deployment, AppKind::Deployment, "web", "fast");

/// What is copied only once the app is down, forward and back.
pub(crate) static COLD: [Scenario; 2] = [
    Scenario { is_cold: true, ..scenario("set copied cold over the network", small_set, AppKind::StatefulSet, "db", "now") },
    Scenario {
        is_cold: true,
        ..undone("set copied cold, taken back in its last pass", small_set, AppKind::StatefulSet, "db", "last-pass")
    },
];

/// All others.
pub(crate) static ALL: [Scenario; 13] = [
    scenario("set, 2 replicas × 2 claims", set_of_two, AppKind::StatefulSet, "db", "fast"),
    scenario("set that deletes its claims", frail_set, AppKind::StatefulSet, "db", "fast"),
    scenario("set over the network", small_set, AppKind::StatefulSet, "db", "now"),
    scenario("deployment", deployment, AppKind::Deployment, "web", "fast"),
    scenario("bare pod on a block volume", block_pod, AppKind::Pod, "raw", "fast"),
    scenario("unattached claim", lone_claim, AppKind::Claim, "papers", "fast"),
    back("set, back after the cut-over", small_set, AppKind::StatefulSet, "db", "fast"),
    back("deployment, back after the cut-over", deployment, AppKind::Deployment, "web", "fast"),
    back("bare pod on a block volume, back", block_pod, AppKind::Pod, "raw", "fast"),
    undone("set, 2 replicas × 2 claims, taken back at its start", set_of_two, AppKind::StatefulSet, "db", "restore-set"),
    undone("set that deletes its claims, taken back while they are swapped", frail_set, AppKind::StatefulSet, "db", "bind-target"),
    undone("deployment, taken back at its start", deployment, AppKind::Deployment, "web", "scale-up"),
    undone("bare pod on a block volume, taken back at its start", block_pod, AppKind::Pod, "raw", "adopt-claim"),
];

impl Scenario {
    /// Makes the app and lets it write something.
    pub(crate) fn furnish(&self, sim: &mut Sim) {
        (self.make)(sim);
        sim.settle();
        if self.kind == AppKind::Claim {
            // Somebody used it once.
            sim.make("pods", pod("before", &["papers"], false));
            sim.settle();
            drop(sim.store.delete("pods", "app", "before", &Default::default()));
            sim.settle();
        }
        sim.expects_pods = self.kind != AppKind::Claim;
    }

    pub(crate) fn named(&self) -> Reference {
        Reference { kind: self.kind, name: self.app.to_owned() }
    }
}

fn claim_spec(class: &str, block: bool) -> Value {
    let mode = if block { "Block" } else { "Filesystem" };
    json!({ "accessModes": ["ReadWriteOnce"], "storageClassName": class, "volumeMode": mode, "resources": { "requests": { "storage": "1Gi" } } })
}

fn claim(name: &str, block: bool) -> Value {
    json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name }, "spec": claim_spec("slow", block) })
}

fn pod_spec(claims: &[&str], block: bool) -> Value {
    let volumes: Vec<Value> =
        claims.iter().map(|claim| json!({ "name": claim, "persistentVolumeClaim": { "claimName": claim } })).collect();
    let uses: Vec<Value> = claims.iter().map(|claim| json!({ "name": claim, "mountPath": "/data", "devicePath": "/dev/data" })).collect();
    let field = if block { "volumeDevices" } else { "volumeMounts" };
    json!({ "containers": [{ "name": "c", "image": "app:1", field: uses }], "volumes": volumes })
}

fn pod(name: &str, claims: &[&str], block: bool) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": { "app": name } }, "spec": pod_spec(claims, block) })
}

fn set(replicas: u64, claims: &[&str], policy: &str) -> Value {
    let templates: Vec<Value> =
        claims.iter().map(|claim| json!({ "metadata": { "name": claim }, "spec": claim_spec("slow", false) })).collect();
    json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "db", "labels": { "team": "a" } },
        "spec": { "serviceName": "db", "replicas": replicas, "selector": { "matchLabels": { "app": "db" } },
            "persistentVolumeClaimRetentionPolicy": { "whenDeleted": policy, "whenScaled": policy },
            "template": { "metadata": { "labels": { "app": "db" } }, "spec": pod_spec(&[], false) },
            "volumeClaimTemplates": templates } })
}

fn set_of_two(sim: &mut Sim) {
    sim.make("statefulsets", set(2, &["data", "wal"], "Retain"));
}

fn small_set(sim: &mut Sim) {
    sim.make("statefulsets", set(1, &["data"], "Retain"));
}

fn frail_set(sim: &mut Sim) {
    sim.make("statefulsets", set(1, &["data"], "Delete"));
}

fn deployment(sim: &mut Sim) {
    sim.make("persistentvolumeclaims", claim("papers", false));
    sim.make(
        "deployments",
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
            "spec": { "replicas": 1, "strategy": { "type": "Recreate" }, "selector": { "matchLabels": { "app": "web" } },
                "template": { "metadata": { "labels": { "app": "web" } }, "spec": pod_spec(&["papers"], false) } } }),
    );
}

fn block_pod(sim: &mut Sim) {
    sim.make("persistentvolumeclaims", claim("disk", true));
    sim.make("pods", pod("raw", &["disk"], true));
}

fn lone_claim(sim: &mut Sim) {
    sim.make("persistentvolumeclaims", claim("papers", false));
}
