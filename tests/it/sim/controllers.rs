//! The controllers of a simulated cluster: each looks at the store and does what it would do next. One pass over all is a tick.
//!
//! Written after the controllers' own sources (k8s.io/kubernetes `pkg/controller/statefulset`, `.../volume/persistentvolume`,
//! `.../volume/pvcprotection`, `.../garbagecollector`; external-provisioner), as far as a move meets them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Sim;
use super::select::has_labels;
use super::store::{Deletion, is_terminating, text};

const BY: &str = "controller";

fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

fn is_controlled_by(object: &Value, owner: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.into_iter().flatten().any(|one| one["controller"] == true && one["uid"] == owner["metadata"]["uid"])
}

fn owner_of(kind: &str, version: &str, owner: &Value, controls: bool) -> Value {
    let mut reference = json!({ "apiVersion": version, "kind": kind, "name": name(owner), "uid": uid(owner) });
    if controls {
        reference["controller"] = json!(true);
    }
    reference
}

/// The claims a pod mounts.
pub(super) fn claims_of(pod: &Value) -> Vec<String> {
    let volumes = pod["spec"]["volumes"].as_array();
    volumes.into_iter().flatten().filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str().map(str::to_owned)).collect()
}

pub(super) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// The one node that a volume can be reached from; empty if any.
pub(super) fn pin(volume: &Value) -> &str {
    text(volume, "/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/values/0")
}

impl Sim {
    pub(super) fn controllers(&mut self) {
        for set in self.store.copies("statefulsets") {
            self.stateful_set(&set);
        }
        for deployment in self.store.copies("deployments") {
            self.deployment(&deployment);
        }
        for set in self.store.copies("replicasets") {
            self.replica_set(&set);
        }
        self.schedule();
        for claim in self.store.copies("persistentvolumeclaims") {
            self.bind(&claim);
        }
        for volume in self.store.copies("persistentvolumes") {
            self.volume(&volume);
        }
        for claim in self.store.copies("persistentvolumeclaims") {
            self.protect_claim(&claim);
        }
        self.collect_garbage();
    }

    fn stateful_set(&mut self, set: &Value) {
        if is_terminating(set) {
            return;
        }
        let (space, base) = (namespace(set).to_owned(), name(set).to_owned());
        self.adopt(set, "StatefulSet");
        let replicas = set["spec"]["replicas"].as_u64().unwrap_or(1);
        let in_order = text(set, "/spec/podManagementPolicy") != "Parallel";
        self.own_claims(set, replicas);
        let mut ready = 0;
        let mut there = 0;
        let mut blocked = false;
        for ordinal in 0..replicas {
            match self.store.get("pods", &space, &format!("{base}-{ordinal}")).cloned() {
                None if !blocked => {
                    self.make_set_pod(set, ordinal);
                    there += 1;
                    blocked = in_order;
                }
                None => {}
                // What is over is deleted and made again (`processReplica` in pkg/controller/statefulset).
                Some(pod) if matches!(text(&pod, "/status/phase"), "Succeeded" | "Failed") => {
                    drop(self.store.delete("pods", &space, name(&pod), &Deletion::default()));
                    blocked = in_order;
                }
                Some(pod) => {
                    there += 1;
                    if is_ready(&pod) && !is_terminating(&pod) {
                        ready += 1;
                    } else {
                        blocked |= in_order;
                    }
                }
            }
        }
        let mut condemned: Vec<(u64, Arc<Value>)> = Vec::new();
        for pod in self.store.copies("pods") {
            let ordinal = name(&pod).strip_prefix(&format!("{base}-")).and_then(|tail| tail.parse().ok());
            if let Some(ordinal) = ordinal.filter(|ordinal| *ordinal >= replicas && is_controlled_by(&pod, set)) {
                condemned.push((ordinal, pod));
            }
        }
        condemned.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));
        there += condemned.len() as u64;
        let at_once = if in_order { 1 } else { condemned.len() };
        for (_, pod) in condemned.iter().take(at_once) {
            if !is_terminating(pod) {
                drop(self.store.delete("pods", &space, name(pod), &Deletion::default()));
            }
        }
        let generation = set["metadata"]["generation"].clone();
        self.store.change("statefulsets", &space, &base, BY, |set| {
            set["status"] = json!({ "observedGeneration": generation, "replicas": there, "readyReplicas": ready });
        });
    }

    /// A set takes orphans of its selector as its own, as after it was deleted without them.
    fn adopt(&mut self, owner: &Value, kind: &str) {
        for pod in self.store.copies("pods") {
            let orphan = pod["metadata"]["ownerReferences"].as_array().is_none_or(Vec::is_empty);
            let of_name = name(&pod).starts_with(&format!("{}-", name(owner)));
            let fits = has_labels(&owner["spec"]["selector"]["matchLabels"], &pod) && namespace(&pod) == namespace(owner);
            if orphan && fits && of_name && !is_terminating(&pod) {
                let reference = owner_of(kind, "apps/v1", owner, true);
                self.store.change("pods", namespace(&pod), name(&pod), BY, |pod| pod["metadata"]["ownerReferences"] = json!([reference]));
            }
        }
    }

    /// The claim retention policy (KEP-1847): claims are owned by the set, or by a pod that is to go.
    fn own_claims(&mut self, set: &Value, replicas: u64) {
        let policy = &set["spec"]["persistentVolumeClaimRetentionPolicy"];
        for claim in self.store.copies("persistentvolumeclaims") {
            let Some(ordinal) = ordinal_of_claim(set, name(&claim)) else { continue };
            let mut owners = Vec::new();
            if policy["whenDeleted"] == "Delete" {
                owners.push(owner_of("StatefulSet", "apps/v1", set, false));
            }
            let pod = self.store.get("pods", namespace(set), &format!("{}-{ordinal}", name(set)));
            if let Some(pod) = pod.filter(|_| policy["whenScaled"] == "Delete" && ordinal >= replicas) {
                owners.push(owner_of("Pod", "v1", pod, false));
            }
            let had = claim["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
            if had != owners {
                self.store.change("persistentvolumeclaims", namespace(&claim), name(&claim), BY, |claim| {
                    claim["metadata"]["ownerReferences"] = Value::Array(owners);
                });
            }
        }
    }

    fn make_set_pod(&mut self, set: &Value, ordinal: u64) {
        let space = namespace(set).to_owned();
        let pod_name = format!("{}-{ordinal}", name(set));
        let mut pod = set["spec"]["template"].clone();
        pod["metadata"]["name"] = json!(pod_name);
        pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = json!(pod_name);
        pod["metadata"]["ownerReferences"] = json!([owner_of("StatefulSet", "apps/v1", set, true)]);
        let mut volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
        for template in set["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
            let claim = format!("{}-{pod_name}", name(template));
            volumes.push(json!({ "name": name(template), "persistentVolumeClaim": { "claimName": claim } }));
            match self.store.get("persistentvolumeclaims", &space, &claim) {
                // A pod is not made on a claim that is going.
                Some(there) if is_terminating(there) => return,
                Some(_) => {}
                None => {
                    let mut made = template.clone();
                    made["metadata"] = json!({ "name": claim, "labels": set["spec"]["selector"]["matchLabels"] });
                    made["apiVersion"] = json!("v1");
                    made["kind"] = json!("PersistentVolumeClaim");
                    drop(self.store.create("persistentvolumeclaims", &space, &made, BY, false));
                }
            }
        }
        pod["spec"]["volumes"] = Value::Array(volumes);
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        self.make_pod(&space, &pod);
    }

    /// A controller makes a pod, if it is let in; it tries again.
    fn make_pod(&mut self, space: &str, pod: &Value) {
        if let Ok(pod) = self.admitted("pods", space, pod, false) {
            drop(self.store.create("pods", space, &pod, BY, false));
        }
    }

    fn deployment(&mut self, deployment: &Value) {
        if is_terminating(deployment) {
            return;
        }
        let (space, base) = (namespace(deployment).to_owned(), name(deployment).to_owned());
        let set = format!("{base}-7f9c");
        let replicas = deployment["spec"]["replicas"].clone();
        match self.store.get("replicasets", &space, &set).cloned() {
            None => {
                let object = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet",
                    "metadata": { "name": set, "labels": deployment["spec"]["template"]["metadata"]["labels"],
                        "ownerReferences": [owner_of("Deployment", "apps/v1", deployment, true)] },
                    "spec": { "replicas": replicas, "selector": deployment["spec"]["selector"], "template": deployment["spec"]["template"] } });
                drop(self.store.create("replicasets", &space, &object, BY, false));
            }
            Some(there) if there["spec"]["replicas"] != replicas => {
                self.store.change("replicasets", &space, &set, BY, |set| set["spec"]["replicas"] = replicas);
            }
            Some(there) => {
                let generation = deployment["metadata"]["generation"].clone();
                let status = there["status"].clone();
                self.store.change("deployments", &space, &base, BY, |deployment| {
                    deployment["status"] = json!({ "observedGeneration": generation, "replicas": status["replicas"],
                        "updatedReplicas": status["replicas"], "readyReplicas": status["readyReplicas"] });
                });
            }
        }
    }

    fn replica_set(&mut self, set: &Value) {
        let (space, base) = (namespace(set).to_owned(), name(set).to_owned());
        let pods: Vec<Arc<Value>> = self.store.copies("pods").into_iter().filter(|pod| is_controlled_by(pod, set)).collect();
        let active: Vec<&Arc<Value>> =
            pods.iter().filter(|pod| !is_terminating(pod) && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")).collect();
        let wanted = set["spec"]["replicas"].as_u64().unwrap_or(1);
        for _ in active.len() as u64..wanted {
            let mut pod = set["spec"]["template"].clone();
            pod["metadata"]["generateName"] = json!(format!("{base}-"));
            pod["metadata"]["ownerReferences"] = json!([owner_of("ReplicaSet", "apps/v1", set, true)]);
            pod["apiVersion"] = json!("v1");
            pod["kind"] = json!("Pod");
            self.make_pod(&space, &pod);
        }
        for pod in active.iter().skip(usize::try_from(wanted).unwrap_or(usize::MAX)) {
            drop(self.store.delete("pods", &space, name(pod), &Deletion::default()));
        }
        let ready = active.iter().filter(|pod| is_ready(pod)).count();
        let there = active.len();
        self.store.change("replicasets", &space, &base, BY, |set| set["status"] = json!({ "replicas": there, "readyReplicas": ready }));
    }

    /// Gives pods a node once their claims allow it; a claim that waits for its first consumer learns the node first.
    fn schedule(&mut self) {
        for pod in self.store.copies("pods") {
            if !text(&pod, "/spec/nodeName").is_empty() || is_terminating(&pod) {
                continue;
            }
            let space = namespace(&pod).to_owned();
            let claims: Option<Vec<Value>> =
                claims_of(&pod).iter().map(|claim| self.store.get("persistentvolumeclaims", &space, claim).cloned()).collect();
            let Some(claims) = claims.filter(|claims| !claims.iter().any(is_terminating)) else { continue };
            let Some(node) = self.node_for(&pod, &claims) else { continue };
            let node = if self.is_misplaced_next(&pod, &claims) { self.another_node(&node) } else { node };
            let unbound: Vec<&Value> = claims.iter().filter(|claim| text(claim, "/status/phase") != "Bound").collect();
            for claim in &unbound {
                let waits = self.waits_for_consumer(claim) && text(claim, "/spec/volumeName").is_empty();
                if waits && claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"].is_null() {
                    self.store.change("persistentvolumeclaims", &space, name(claim), "kube-scheduler", |claim| {
                        claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] = json!(node);
                    });
                }
            }
            if unbound.is_empty() {
                self.store.change("pods", &space, name(&pod), "kube-scheduler", |pod| pod["spec"]["nodeName"] = json!(node));
            }
        }
    }

    /// Whether the scheduler, once, goes by an old memory for a pod that can go one way only.
    fn is_misplaced_next(&mut self, pod: &Value, claims: &[Value]) -> bool {
        let is_pinned = |claim: &Value| {
            self.store.get("persistentvolumes", "", text(claim, "/spec/volumeName")).is_some_and(|volume| !pin(volume).is_empty())
        };
        let is_of_app = !pod["metadata"]["ownerReferences"].is_null();
        let are_bound = claims.iter().all(|claim| text(claim, "/status/phase") == "Bound");
        let is_it = self.scheduler_is_behind && is_of_app && are_bound && claims.iter().any(is_pinned);
        if is_it {
            self.scheduler_is_behind = false;
        }
        is_it
    }

    fn another_node(&self, node: &str) -> String {
        let other = self.store.all("nodes", "").map(name).find(|other| *other != node);
        other.expect("there are two nodes").to_owned()
    }

    /// A node that the pod's affinity and its claims' volumes allow; the first of several.
    fn node_for(&self, pod: &Value, claims: &[Value]) -> Option<String> {
        let wanted = pod.pointer(
            "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchExpressions/0/values/0",
        );
        let pinned: Vec<&str> = claims
            .iter()
            .filter_map(|claim| self.store.get("persistentvolumes", "", text(claim, "/spec/volumeName")))
            .map(pin)
            .filter(|node| !node.is_empty())
            .collect();
        let beside =
            &pod["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]["labelSelector"]["matchLabels"];
        // Where a pod is that it has to be beside; nowhere while there is none.
        let beside = (!beside.is_null()).then(|| {
            let placed = |other: &&Value| {
                !text(other, "/spec/nodeName").is_empty() && !matches!(text(other, "/status/phase"), "Succeeded" | "Failed")
            };
            let all = self.store.all("pods", namespace(pod)).filter(placed);
            all.filter(|other| has_labels(beside, other)).map(|other| text(other, "/spec/nodeName").to_owned()).collect::<Vec<_>>()
        });
        let bears = pod["spec"]["tolerations"].as_array().into_iter().flatten().any(|one| one["key"] == "node.kubernetes.io/unschedulable");
        let open = self.store.all("nodes", "").filter(|node| bears || node["spec"]["unschedulable"] != true);
        let mut nodes = open.map(|node| name(node).to_owned());
        nodes.find(|node| {
            wanted.is_none_or(|wanted| wanted == node.as_str())
                && pinned.iter().all(|pin| pin == node)
                && beside.as_ref().is_none_or(|nodes| nodes.contains(node))
        })
    }

    fn class_of(&self, claim: &Value) -> Option<&Value> {
        self.store.get("storageclasses", "", text(claim, "/spec/storageClassName"))
    }

    fn waits_for_consumer(&self, claim: &Value) -> bool {
        self.class_of(claim).is_some_and(|class| class["volumeBindingMode"] == "WaitForFirstConsumer")
    }

    /// The binder, and the provisioner it asks.
    fn bind(&mut self, claim: &Value) {
        if is_terminating(claim) {
            return;
        }
        let on = text(claim, "/spec/volumeName").to_owned();
        if text(claim, "/status/phase") == "Bound" {
            let lost = self.store.get("persistentvolumes", "", &on).is_none();
            if lost {
                self.set_phase("persistentvolumeclaims", namespace(claim), name(claim), "Lost");
            }
            return;
        }
        if !on.is_empty() {
            self.bind_to(claim, &on);
            return;
        }
        // A volume that is reserved for a claim by name goes before anything else.
        let reserved = self.store.all("persistentvolumes", "").find(|volume| {
            text(volume, "/spec/claimRef/name") == name(claim)
                && text(volume, "/spec/claimRef/namespace") == namespace(claim)
                && matches!(text(volume, "/spec/claimRef/uid"), uid if uid.is_empty() || uid == self::uid(claim))
        });
        if let Some(volume) = reserved.map(|volume| name(volume).to_owned()) {
            self.bind_to(claim, &volume);
            return;
        }
        let node = claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"].as_str().map(str::to_owned);
        if node.is_some() || !self.waits_for_consumer(claim) {
            self.provision(claim, node.as_deref());
        }
    }

    fn bind_to(&mut self, claim: &Value, on: &str) {
        let Some(volume) = self.store.get("persistentvolumes", "", on).cloned() else { return };
        let reference = &volume["spec"]["claimRef"];
        let ours = text(reference, "/name") == name(claim) && text(reference, "/namespace") == namespace(claim);
        let held = text(reference, "/uid");
        let free = reference.is_null() || (ours && (held.is_empty() || held == uid(claim)));
        let same = volume["spec"]["storageClassName"] == claim["spec"]["storageClassName"]
            && volume["spec"]["volumeMode"] == claim["spec"]["volumeMode"];
        if !free || !same || is_terminating(&volume) {
            return;
        }
        let bound = json!({ "kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": namespace(claim), "name": name(claim), "uid": uid(claim) });
        self.store.change("persistentvolumes", "", on, BY, |volume| {
            volume["spec"]["claimRef"] = bound;
            volume["status"]["phase"] = json!("Bound");
        });
        let on = on.to_owned();
        let capacity = volume["spec"]["capacity"].clone();
        self.store.change("persistentvolumeclaims", namespace(claim), name(claim), BY, |claim| {
            claim["spec"]["volumeName"] = json!(on);
            claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = json!("yes");
            claim["status"] = json!({ "phase": "Bound", "capacity": capacity });
        });
    }

    fn provision(&mut self, claim: &Value, node: Option<&str>) {
        let Some(class) = self.class_of(claim).cloned() else { return };
        let volume = format!("pvc-{}", uid(claim));
        if self.store.get("persistentvolumes", "", &volume).is_some() {
            return;
        }
        let pinned = text(&class, "/parameters/pinned") == "true";
        let first = self.store.all("nodes", "").map(|node| name(node).to_owned()).last();
        let node = node.map(str::to_owned).or(first).filter(|_| pinned);
        let mut object = json!({
            "apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": { "name": volume, "annotations": { "pv.kubernetes.io/provisioned-by": class["provisioner"] },
                "finalizers": ["external-provisioner.volume.kubernetes.io/finalizer"] },
            "spec": { "capacity": { "storage": claim["spec"]["resources"]["requests"]["storage"] },
                "accessModes": claim["spec"]["accessModes"], "storageClassName": claim["spec"]["storageClassName"],
                "volumeMode": claim["spec"]["volumeMode"], "persistentVolumeReclaimPolicy": class["reclaimPolicy"],
                "csi": { "driver": class["provisioner"], "volumeHandle": volume },
                "claimRef": { "kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": namespace(claim), "name": name(claim), "uid": uid(claim) } },
        });
        if let Some(node) = node {
            object["spec"]["nodeAffinity"] = json!({ "required": { "nodeSelectorTerms": [
                { "matchExpressions": [{ "key": "kubernetes.io/hostname", "operator": "In", "values": [node] }] }] } });
        }
        self.disks.make(&volume, claim["spec"]["volumeMode"] == "Block");
        drop(self.store.create("persistentvolumes", "", &object, BY, false));
    }

    /// The volume side: available, bound, released, reclaimed.
    fn volume(&mut self, volume: &Value) {
        let reference = &volume["spec"]["claimRef"];
        let claim = self.store.get("persistentvolumeclaims", text(reference, "/namespace"), text(reference, "/name"));
        let held = text(reference, "/uid");
        let phase = if reference.is_null() || (held.is_empty() && claim.is_none()) {
            "Available"
        } else if claim.is_some_and(|claim| held == uid(claim) && text(claim, "/spec/volumeName") == name(volume)) {
            "Bound"
        } else if !held.is_empty() && claim.is_none_or(|claim| uid(claim) != held) {
            "Released"
        } else {
            return;
        };
        if text(volume, "/status/phase") != phase {
            self.set_phase("persistentvolumes", "", name(volume), phase);
        }
        if phase == "Released" && text(volume, "/spec/persistentVolumeReclaimPolicy") == "Delete" {
            self.disks.destroy(name(volume));
            self.store.change("persistentvolumes", "", name(volume), BY, |volume| volume["metadata"]["finalizers"] = json!([]));
            drop(self.store.delete("persistentvolumes", "", name(volume), &Deletion::default()));
            return;
        }
        if is_terminating(volume) && phase != "Bound" {
            self.store.change("persistentvolumes", "", name(volume), BY, |volume| volume["metadata"]["finalizers"] = json!([]));
        }
    }

    fn set_phase(&mut self, plural: &str, namespace: &str, name: &str, phase: &str) {
        self.store.change(plural, namespace, name, BY, |object| object["status"]["phase"] = json!(phase));
    }

    /// A claim that is being deleted stays while a pod uses it.
    fn protect_claim(&mut self, claim: &Value) {
        if !is_terminating(claim) {
            return;
        }
        // Also by a pod that is over, until it is deleted.
        let used = self
            .store
            .all("pods", namespace(claim))
            .any(|pod| !text(pod, "/spec/nodeName").is_empty() && claims_of(pod).iter().any(|one| one == name(claim)));
        if !used {
            self.store.change("persistentvolumeclaims", namespace(claim), name(claim), BY, |claim| {
                if let Some(finalizers) = claim["metadata"]["finalizers"].as_array_mut() {
                    finalizers.retain(|one| one != "kubernetes.io/pvc-protection");
                }
            });
        }
    }

    /// What was owned by something that is gone goes too; what was left on purpose loses its owner.
    fn collect_garbage(&mut self) {
        let every = self.store.every();
        for ((plural, space, name), object) in &every {
            let orphans =
                is_terminating(object) && object["metadata"]["finalizers"].as_array().is_some_and(|all| all.contains(&json!("orphan")));
            if orphans {
                self.orphan(&every, uid(object));
                self.store.change(plural, space, name, BY, |object| {
                    if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
                        finalizers.retain(|one| one != "orphan");
                    }
                });
            }
        }
        let uids: BTreeSet<&str> = every.iter().map(|(_, object)| uid(object)).collect();
        for ((plural, space, name), _) in &every {
            let Some(object) = self.store.get(plural, space, name) else { continue };
            let owners: Vec<&Value> = object["metadata"]["ownerReferences"].as_array().into_iter().flatten().collect();
            let all_gone = !owners.is_empty() && owners.iter().all(|owner| !uids.contains(text(owner, "/uid")));
            if all_gone && !is_terminating(object) {
                drop(self.store.delete(plural, space, name, &Deletion::default()));
            }
        }
    }

    fn orphan(&mut self, every: &[(super::store::Key, Arc<Value>)], owner: &str) {
        for ((plural, space, name), _) in every {
            let owned = self.store.get(plural, space, name).is_some_and(|object| {
                object["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|one| one["uid"] == owner)
            });
            if owned {
                self.store.change(plural, space, name, BY, |object| {
                    if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
                        owners.retain(|one| one["uid"] != owner);
                    }
                });
            }
        }
    }
}

fn ordinal_of_claim(set: &Value, claim: &str) -> Option<u64> {
    let templates = set["spec"]["volumeClaimTemplates"].as_array();
    templates.into_iter().flatten().find_map(|template| claim.strip_prefix(&format!("{}-{}-", name(template), name(set)))?.parse().ok())
}
