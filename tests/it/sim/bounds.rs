//! What a run may reach: the rule by which every write of the product is judged, whoever wrote the plan it carries out.
//!
//! No call touches an object outside the run's namespace, nor a volume whose claim is or ever was in another one, nor makes an object that
//! the app does not need. Foreign objects are there to be hurt.

use serde_json::{Value, json};

use kubectl_stateful::plan::{RunId, marks};

use super::Sim;
use super::http::Asked;
use super::store::text;

/// The namespace of whoever is not to be hurt.
pub(super) const VICTIM: &str = "payments";

/// A volume of the victim's that is in use.
pub(super) const VICTIMS_VOLUME: &str = "pv-victim";

/// A volume of the victim's that an earlier run of it keeps.
pub(super) const VICTIMS_KEPT: &str = "pv-victim-kept";

/// That run.
pub(super) const VICTIMS_RUN: &str = "mpay";

impl Sim {
    /// Somebody else's namespace, with a set, its claim, the claim's volume, and a volume that an earlier run keeps.
    pub(super) fn furnish_victim(&mut self) {
        let made = |object: Value, plural: &str, namespace: &str, sim: &mut Self| {
            sim.store.create(plural, namespace, &object, "kubectl-create", false).expect("a user's object is in order");
        };
        made(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": VICTIM } }), "namespaces", "", self);
        let claim = json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data-pg-0", "namespace": VICTIM },
            "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": "slow", "volumeMode": "Filesystem", "volumeName": VICTIMS_VOLUME,
                "resources": { "requests": { "storage": "1Gi" } } } });
        made(claim, "persistentvolumeclaims", VICTIM, self);
        let set = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "pg", "namespace": VICTIM },
            "spec": { "replicas": 0, "serviceName": "pg", "selector": { "matchLabels": { "app": "pg" } },
                "persistentVolumeClaimRetentionPolicy": { "whenDeleted": "Retain", "whenScaled": "Retain" },
                "template": { "metadata": { "labels": { "app": "pg" } }, "spec": { "containers": [] } }, "volumeClaimTemplates": [] } });
        made(set, "statefulsets", VICTIM, self);
        let volume = |name: &str, uid: &str, labels: Value, annotations: Value| {
            json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": name, "labels": labels, "annotations": annotations },
                "spec": { "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"], "storageClassName": "slow",
                    "volumeMode": "Filesystem", "persistentVolumeReclaimPolicy": "Retain", "csi": { "driver": "slow.csi", "volumeHandle": name },
                    "claimRef": { "namespace": VICTIM, "name": "data-pg-0", "uid": uid } } })
        };
        let uid = text(self.store.get("persistentvolumeclaims", VICTIM, "data-pg-0").expect("just made"), "/metadata/uid").to_owned();
        made(volume(VICTIMS_VOLUME, &uid, json!({}), json!({})), "persistentvolumes", "", self);
        let labels = marks::of_volume(VICTIM, &RunId(VICTIMS_RUN.to_owned()), marks::ROLE_SOURCE, "c0");
        let annotations = json!({ marks::CLAIM: format!("{VICTIM}/data-pg-0") });
        made(volume(VICTIMS_KEPT, "gone", labels, annotations), "persistentvolumes", "", self);
        self.settle();
    }

    /// Versions of everything that is the victim's.
    pub(super) fn of_victim(&self) -> Vec<(String, String)> {
        let version = |object: &Value| text(object, "/metadata/resourceVersion").to_owned();
        let is_its = |object: &&Value| text(object, "/metadata/namespace") == VICTIM || text(object, "/spec/claimRef/namespace") == VICTIM;
        let kinds = ["persistentvolumes", "persistentvolumeclaims", "statefulsets", "pods"];
        let all = kinds.into_iter().flat_map(|kind| self.store.all(kind, "").filter(is_its).map(move |one| (kind, one)));
        all.map(|(kind, one)| (format!("{kind}/{}", text(one, "/metadata/name")), version(one))).collect()
    }

    /// Judges a call of the product before it is answered.
    pub(super) fn judge_reach(&mut self, asked: &Asked) {
        if matches!(asked.verb(), "get" | "list") || asked.plural == "selfsubjectaccessreviews" {
            return;
        }
        let found = match asked.plural.as_str() {
            "persistentvolumes" => self.reach_of_volume(asked),
            _ if asked.namespace != "app" => Some(format!("reaches into namespace `{}`", asked.namespace)),
            "pods" if asked.verb() == "patch" => self.misled(asked),
            // What is only tried is not made.
            _ if asked.verb() == "create" && !asked.is_dry() => self.needless(asked),
            _ => None,
        };
        if let Some(what) = found {
            self.violate(format!("{} {what}", asked.words()));
        }
    }

    fn reach_of_volume(&self, asked: &Asked) -> Option<String> {
        if asked.verb() != "patch" {
            return Some("does more to a volume than change it".to_owned());
        }
        let named = text(&asked.body, "/spec/claimRef/namespace");
        if !named.is_empty() && named != "app" {
            return Some(format!("gives a volume to namespace `{named}`"));
        }
        let volume = self.store.get("persistentvolumes", "", &asked.name)?;
        let whose = text(volume, "/spec/claimRef/namespace");
        if self.once_elsewhere.contains(&asked.name) {
            return Some("touches a volume that was once another namespace's".to_owned());
        }
        (whose != "app").then(|| format!("touches a volume of namespace `{whose}`"))
    }

    /// Notes which volumes are another namespace's: they are for ever.
    pub(super) fn note_volumes_elsewhere(&mut self) {
        let is_elsewhere = |volume: &&Value| !["", "app"].contains(&text(volume, "/spec/claimRef/namespace"));
        let names = self.store.all("persistentvolumes", "").filter(is_elsewhere).map(|volume| text(volume, "/metadata/name").to_owned());
        let names: Vec<String> = names.collect();
        self.once_elsewhere.extend(names);
    }

    /// Orders for a pod that somebody made another one of.
    fn misled(&self, asked: &Asked) -> Option<String> {
        let pod = self.store.get("pods", "app", &asked.name)?;
        // Meant for it as it was, and refused.
        if text(&asked.body, "/metadata/resourceVersion") != text(pod, "/metadata/resourceVersion") {
            return None;
        }
        let image = text(pod, "/spec/containers/0/image");
        (image != crate::seen::request().mover_image).then(|| format!("gives orders to a pod that runs image `{image}`"))
    }

    /// What is made that no move of the app needs.
    fn needless(&self, asked: &Asked) -> Option<String> {
        let name = text(&asked.body, "/metadata/name");
        let within = text(&asked.body, "/metadata/namespace");
        if !within.is_empty() && within != "app" {
            return Some(format!("makes an object for namespace `{within}`"));
        }
        let was_there = self.before.contains_key(&format!("{}/{name}", asked.plural));
        let needed = match asked.plural.as_str() {
            "configmaps" | "leases" => name.starts_with("stateful-"),
            "pods" => was_there || is_mover(name, &asked.body),
            "persistentvolumeclaims" => was_there || self.is_staging(name),
            "statefulsets" => was_there && self.is_the_users(&asked.body),
            _ => false,
        };
        (!needed).then(|| format!("makes {}/{name}, which the app does not need", asked.plural))
    }

    fn is_staging(&self, name: &str) -> bool {
        let runs = ["-m1", "-m2"];
        runs.iter()
            .any(|run| name.strip_suffix(run).is_some_and(|claim| self.before.contains_key(&format!("persistentvolumeclaims/{claim}"))))
    }

    /// Whether a set's pods are those its user wrote, or somebody edited openly.
    fn is_the_users(&self, set: &Value) -> bool {
        self.was_edited || set.pointer("/spec/template/spec") == self.manifest.pointer("/spec/template/spec")
    }
}

fn is_mover(name: &str, pod: &Value) -> bool {
    let containers = pod["spec"]["containers"].as_array().map_or(&[][..], Vec::as_slice);
    let is_plain = |container: &Value| {
        container["image"] == crate::seen::request().mover_image.as_str() && container["securityContext"]["privileged"] != true
    };
    let spec = pod["spec"].to_string();
    let reaches_out =
        ["hostPath", "hostPID", "hostNetwork", "hostIPC", "serviceAccountName", "initContainers"].iter().any(|word| spec.contains(word));
    name.starts_with("stateful-m") && containers.len() == 1 && containers.iter().all(is_plain) && !reaches_out
}
