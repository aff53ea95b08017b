//! The objects of a simulated API server: names, uids, versions, finalizers, preconditions, merge patches, graceful deletion.
//!
//! It knows what the registry of each kind does with a write (k8s.io/apiserver `registry/generic`, `registry/rest`), and nothing
//! of what controllers do afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

/// Plural, namespace, name.
pub(crate) type Key = (String, String, String);

/// Why a request is refused, as the API server says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Refused {
    pub(crate) fn new(status: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into() }
    }
}

/// The string at a path such as `/spec/volumes/0/name`. Asked millions of times, and `Value::pointer` allocates for each part.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    let step = |value: &'a Value, part: &str| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    };
    pointer.split('/').skip(1).try_fold(object, step).and_then(Value::as_str).unwrap_or_default()
}

/// An object as JSON; `Value::to_string` goes through a formatter, which showed in a profile of the sweep.
pub(crate) fn written(object: &Value) -> String {
    serde_json::to_string(object).expect("any value can be written")
}

pub(crate) fn is_terminating(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// How an object is deleted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deletion {
    pub(crate) uid: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) orphan: bool,
}

/// All objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    /// What was last sent of each, and of which state: most objects are read many times before they change.
    sent: BTreeMap<Key, (Arc<Value>, String)>,
    version: u64,
    /// Changes so far of what controllers or the judge look at.
    moves: u64,
    uids: u64,
    /// Moments, for timestamps.
    pub(crate) now: u64,
}

fn key(plural: &str, namespace: &str, name: &str) -> Key {
    (plural.to_owned(), namespace.to_owned(), name.to_owned())
}

impl Store {
    pub(crate) fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.get(&key(plural, namespace, name)).map(Arc::as_ref)
    }

    fn shared(&self, plural: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.objects.get(&key(plural, namespace, name)).map(Arc::clone)
    }

    /// An object as it goes over the wire.
    pub(crate) fn json_of(&mut self, plural: &str, namespace: &str, name: &str) -> Option<String> {
        let key = key(plural, namespace, name);
        let object = self.objects.get(&key)?;
        if let Some((_, json)) = self.sent.get(&key).filter(|(sent, _)| Arc::ptr_eq(sent, object)) {
            return Some(json.clone());
        }
        let json = written(object);
        self.sent.insert(key, (Arc::clone(object), json.clone()));
        Some(json)
    }

    /// All objects of a kind, in a namespace or (when empty) in all.
    pub(crate) fn all<'a>(&'a self, plural: &'a str, namespace: &'a str) -> impl Iterator<Item = &'a Value> {
        let from = key(plural, "", "");
        let within = move |(key, _): &(&Key, &Arc<Value>)| key.0 == plural;
        let there = self.objects.range(from..).take_while(within);
        there.filter(move |(key, _)| namespace.is_empty() || key.1 == namespace).map(|(_, value)| value.as_ref())
    }

    /// All objects of a kind as they are now, for a controller that changes them while it goes through them.
    pub(crate) fn copies(&self, plural: &str) -> Vec<Arc<Value>> {
        let there = self.objects.range(key(plural, "", "")..).take_while(|(key, _)| key.0 == plural);
        there.map(|(_, value)| Arc::clone(value)).collect()
    }

    /// Everything as it is now.
    pub(crate) fn every(&self) -> Vec<(Key, Arc<Value>)> {
        self.objects.iter().map(|(key, value)| (key.clone(), Arc::clone(value))).collect()
    }

    /// Changes with every change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Changes with every change of what a controller or the judge looks at: no one of them reads journals and leases.
    pub(crate) fn moves(&self) -> u64 {
        self.moves
    }

    fn stamp(&self) -> String {
        let secs = self.now / 1000;
        format!("2026-01-01T{:02}:{:02}:{:02}Z", secs / 3600 % 24, secs / 60 % 60, secs % 60)
    }

    fn next_version(&mut self, plural: &str) -> Value {
        self.version += 1;
        if !matches!(plural, "configmaps" | "leases") {
            self.moves += 1;
        }
        json!(self.version.to_string())
    }

    /// `POST`.
    pub(crate) fn create(&mut self, plural: &str, namespace: &str, object: &Value, manager: &str, dry: bool) -> Result<Value, Refused> {
        let mut object = object.clone();
        let name = match (text(&object, "/metadata/name"), text(&object, "/metadata/generateName")) {
            ("", "") => return Err(Refused::new(422, "Invalid", "metadata.name: Required value")),
            ("", prefix) => format!("{prefix}{}", self.uids + 1),
            (name, _) => name.to_owned(),
        };
        if self.objects.contains_key(&key(plural, namespace, &name)) {
            return Err(Refused::new(409, "AlreadyExists", format!("{plural} \"{name}\" already exists")));
        }
        if dry {
            default(plural, &mut object);
            return Ok(object);
        }
        self.uids += 1;
        let version = self.next_version(plural);
        let metadata = &mut object["metadata"];
        metadata["name"] = json!(name);
        if !namespace.is_empty() {
            metadata["namespace"] = json!(namespace);
        }
        metadata["uid"] = json!(format!("uid-{:06}", self.uids));
        metadata["resourceVersion"] = version;
        metadata["creationTimestamp"] = json!(self.stamp());
        metadata["managedFields"] = json!([{ "manager": manager, "operation": "Update", "time": self.stamp() }]);
        default(plural, &mut object);
        self.objects.insert(key(plural, namespace, &name), Arc::new(object.clone()));
        Ok(object)
    }

    /// `PATCH` with a merge patch (RFC 7386).
    pub(crate) fn patch(&mut self, plural: &str, namespace: &str, name: &str, patch: &Value, manager: &str) -> Result<Value, Refused> {
        let Some(before) = self.shared(plural, namespace, name) else { return Err(missing(plural, name)) };
        let differs = |field: &str| {
            let wanted = text(patch, field);
            !wanted.is_empty() && wanted != text(&before, field)
        };
        if differs("/metadata/resourceVersion") {
            let said = format!("Operation cannot be fulfilled on {plural} \"{name}\": the object has been modified");
            return Err(Refused::new(409, "Conflict", said));
        }
        if differs("/metadata/uid") {
            return Err(Refused::new(422, "Invalid", format!("{plural} \"{name}\" is invalid: metadata.uid: field is immutable")));
        }
        let mut after = Value::clone(&before);
        let mut patch = patch.clone();
        // The status is another resource.
        if let Some(fields) = patch.as_object_mut() {
            fields.remove("status");
        }
        merge(&mut after, &patch);
        check_update(plural, &before, &after)?;
        Ok(Value::clone(&self.replace(plural, namespace, name, &before, after, manager)))
    }

    /// A controller's write of an object or its status, by a function.
    pub(crate) fn change(&mut self, plural: &str, namespace: &str, name: &str, manager: &str, change: impl FnOnce(&mut Value)) {
        let Some(before) = self.shared(plural, namespace, name) else { return };
        let mut after = Value::clone(&before);
        change(&mut after);
        self.replace(plural, namespace, name, &before, after, manager);
    }

    fn replace(&mut self, plural: &str, namespace: &str, name: &str, before: &Arc<Value>, mut after: Value, manager: &str) -> Arc<Value> {
        if **before == after {
            return Arc::clone(before);
        }
        if before["spec"] != after["spec"] && before["metadata"]["generation"].is_u64() {
            after["metadata"]["generation"] = json!(before["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
        }
        without_empty_fields(&mut after);
        after["metadata"]["resourceVersion"] = self.next_version(plural);
        let only_status = before["spec"] == after["spec"] && before["metadata"]["labels"] == after["metadata"]["labels"];
        if !only_status || manager != "controller" {
            note_manager(&mut after, manager, &self.stamp());
        }
        let place = key(plural, namespace, name);
        let finalizers = after["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
        let is_pod = plural == "pods";
        let after = Arc::new(after);
        if is_terminating(&after) && finalizers && !is_pod {
            self.objects.remove(&place);
        } else {
            self.objects.insert(place, Arc::clone(&after));
        }
        after
    }

    /// `DELETE`.
    pub(crate) fn delete(&mut self, plural: &str, namespace: &str, name: &str, how: &Deletion) -> Result<Value, Refused> {
        let Some(mut object) = self.get(plural, namespace, name).cloned() else { return Err(missing(plural, name)) };
        if let Some(uid) = how.uid.as_ref().filter(|uid| **uid != text(&object, "/metadata/uid")) {
            let said = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", text(&object, "/metadata/uid"));
            return Err(Refused::new(409, "Conflict", said));
        }
        let is = text(&object, "/metadata/resourceVersion");
        if let Some(version) = how.version.as_ref().filter(|version| *version != is) {
            let said = format!("Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {is}");
            return Err(Refused::new(409, "Conflict", said));
        }
        if how.orphan {
            let mut finalizers = object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
            if !finalizers.contains(&json!("orphan")) {
                finalizers.push(json!("orphan"));
            }
            object["metadata"]["finalizers"] = Value::Array(finalizers);
        }
        let waits = object["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty());
        // Nothing runs that would need time: `CheckGracefulDelete` of pods.
        let over = matches!(text(&object, "/status/phase"), "Succeeded" | "Failed") || text(&object, "/spec/nodeName").is_empty();
        let graceful = plural == "pods" && !over;
        if !waits && !graceful {
            drop(self.next_version(plural));
            self.objects.remove(&key(plural, namespace, name));
            return Ok(object);
        }
        if !is_terminating(&object) {
            object["metadata"]["deletionTimestamp"] = json!(self.stamp());
        }
        object["metadata"]["resourceVersion"] = self.next_version(plural);
        self.objects.insert(key(plural, namespace, name), Arc::new(object.clone()));
        Ok(object)
    }

    /// Removes a pod whose containers have ended, as the kubelet's last delete does.
    pub(crate) fn remove(&mut self, plural: &str, namespace: &str, name: &str) {
        drop(self.next_version(plural));
        self.objects.remove(&key(plural, namespace, name));
    }
}

fn missing(plural: &str, name: &str) -> Refused {
    Refused::new(404, "NotFound", format!("{plural} \"{name}\" not found"))
}

/// The API's Go types leave out what is empty.
fn without_empty_fields(object: &mut Value) {
    let is_empty = |value: &Value| value.as_object().is_some_and(|map| map.is_empty()) || value.as_array().is_some_and(Vec::is_empty);
    if is_empty(&object["data"]) {
        object.as_object_mut().map(|fields| fields.remove("data"));
    }
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
        if metadata.get(field).is_some_and(is_empty) {
            metadata.remove(field);
        }
    }
}

fn note_manager(object: &mut Value, manager: &str, now: &str) {
    let mut fields = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    fields.retain(|field| field["manager"] != manager);
    fields.push(json!({ "manager": manager, "operation": "Update", "time": now }));
    object["metadata"]["managedFields"] = Value::Array(fields);
}

/// RFC 7386.
pub(crate) fn merge(into: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (name, value) in fields {
        if value.is_null() {
            into.as_object_mut().expect("just made").remove(name);
        } else {
            merge(&mut into[name.as_str()], value);
        }
    }
}

/// What each kind's strategy fills in.
fn default(plural: &str, object: &mut Value) {
    let metadata = object["metadata"].clone();
    let add_finalizer = |object: &mut Value, name: &str| {
        let mut finalizers = metadata["finalizers"].as_array().cloned().unwrap_or_default();
        if !finalizers.contains(&json!(name)) {
            finalizers.push(json!(name));
        }
        object["metadata"]["finalizers"] = Value::Array(finalizers);
    };
    let fill = |object: &mut Value, field: &str, value: Value| {
        if object["spec"][field].is_null() {
            object["spec"][field] = value;
        }
    };
    match plural {
        "persistentvolumeclaims" => {
            add_finalizer(object, "kubernetes.io/pvc-protection");
            fill(object, "volumeMode", json!("Filesystem"));
            object["status"] = json!({ "phase": "Pending" });
        }
        "persistentvolumes" => {
            add_finalizer(object, "kubernetes.io/pv-protection");
            fill(object, "volumeMode", json!("Filesystem"));
            object["status"] = json!({ "phase": "Pending" });
        }
        "pods" => {
            // The status is a creator's to leave alone.
            object["status"] = json!({ "phase": "Pending" });
        }
        "statefulsets" => {
            object["metadata"]["generation"] = json!(1);
            fill(object, "replicas", json!(1));
            fill(object, "podManagementPolicy", json!("OrderedReady"));
            fill(object, "persistentVolumeClaimRetentionPolicy", json!({ "whenDeleted": "Retain", "whenScaled": "Retain" }));
            object["status"] = json!({ "replicas": 0 });
        }
        "deployments" | "replicasets" => {
            object["metadata"]["generation"] = json!(1);
            fill(object, "replicas", json!(1));
            object["status"] = json!({});
        }
        _ => {}
    }
}

/// Of a pod's containers the image may be changed, and nothing else.
fn same_but_images(before: &Value, after: &Value) -> bool {
    let stripped = |pod: &Value| {
        let mut containers = pod["spec"]["containers"].clone();
        for container in containers.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            container.remove("image");
        }
        containers
    };
    stripped(before) == stripped(after)
}

/// What each kind's strategy does not let a patch change.
fn check_update(plural: &str, before: &Value, after: &Value) -> Result<(), Refused> {
    let fixed = |free: &[&str]| {
        let strip = |object: &Value| {
            let mut spec = object["spec"].clone();
            if let Some(fields) = spec.as_object_mut() {
                free.iter().for_each(|field| drop(fields.remove(*field)));
            }
            spec
        };
        strip(before) == strip(after)
    };
    let allowed = match plural {
        "persistentvolumeclaims" => fixed(&["resources"]),
        "persistentvolumes" => fixed(&["claimRef", "persistentVolumeReclaimPolicy", "mountOptions", "capacity", "nodeAffinity"]),
        "statefulsets" => {
            fixed(&["replicas", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy", "minReadySeconds", "ordinals"])
        }
        "pods" => fixed(&["activeDeadlineSeconds", "tolerations", "containers"]) && same_but_images(before, after),
        _ => true,
    };
    if allowed {
        return Ok(());
    }
    let name = text(before, "/metadata/name");
    Err(Refused::new(422, "Invalid", format!("{plural} \"{name}\" is invalid: spec: Forbidden: updates to these fields are not allowed")))
}
