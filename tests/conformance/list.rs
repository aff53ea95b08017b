//! The scripts, each about one thing the product relies on.

use std::pin::Pin;

use kubectl_stateful::cluster::{Delete, Kind};
use serde_json::{Value, json};

use super::Lab;

/// A script's work.
type Script = for<'a> fn(&'a mut Lab) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// All scripts, by name.
pub(crate) const ALL: [(&str, Script); 12] = [
    ("names-and-preconditions", |lab| Box::pin(names_and_preconditions(lab))),
    ("patches", |lab| Box::pin(patches(lab))),
    ("a-claim-waits-for-its-pod", |lab| Box::pin(a_claim_waits_for_its_pod(lab))),
    ("a-claim-in-use-stays", |lab| Box::pin(a_claim_in_use_stays(lab))),
    ("a-completed-pod-holds-its-claim", |lab| Box::pin(a_completed_pod_holds_its_claim(lab))),
    ("a-kept-volume-is-reserved-by-name", |lab| Box::pin(a_kept_volume_is_reserved_by_name(lab))),
    ("a-volume-on-delete-goes-with-its-claim", |lab| Box::pin(a_volume_on_delete_goes_with_its_claim(lab))),
    ("a-set-scales", |lab| Box::pin(a_set_scales(lab))),
    ("a-set-is-made-again-around-its-claims", |lab| Box::pin(a_set_is_made_again_around_its_claims(lab))),
    ("a-set-owns-its-claims", |lab| Box::pin(a_set_owns_its_claims(lab))),
    ("a-deployment-scales", |lab| Box::pin(a_deployment_scales(lab))),
    ("a-quota-refuses", |lab| Box::pin(a_quota_refuses(lab))),
];

fn map(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "a": "1" } })
}

fn claim_spec(class: &str) -> Value {
    json!({ "accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": { "requests": { "storage": "32Mi" } } })
}

fn claim(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name }, "spec": claim_spec("slow") })
}

/// A claim that asks for a volume by name.
fn claim_on(name: &str, volume: &str) -> Value {
    let mut claim = claim(name);
    claim["spec"]["volumeName"] = json!(volume);
    claim
}

fn pod_spec(claims: &[&str], command: &[&str]) -> Value {
    let volumes: Vec<Value> = claims.iter().map(|name| json!({ "name": name, "persistentVolumeClaim": { "claimName": name } })).collect();
    let mounts: Vec<Value> = claims.iter().map(|name| json!({ "name": name, "mountPath": format!("/{name}") })).collect();
    json!({ "terminationGracePeriodSeconds": 1, "volumes": volumes, "containers": [{ "name": "c", "image": "localhost/busybox:1",
        "imagePullPolicy": "IfNotPresent", "command": command, "volumeMounts": mounts }] })
}

const STAYS: [&str; 3] = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.2; done"];

fn pod(name: &str, claims: &[&str]) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": pod_spec(claims, &STAYS) })
}

fn set(replicas: u32) -> Value {
    let mut spec = pod_spec(&[], &STAYS);
    spec["containers"][0]["volumeMounts"] = json!([{ "name": "data", "mountPath": "/data" }]);
    json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "db" },
        "spec": { "serviceName": "db", "replicas": replicas, "selector": { "matchLabels": { "app": "db" } },
            "template": { "metadata": { "labels": { "app": "db" } }, "spec": spec },
            "volumeClaimTemplates": [{ "metadata": { "name": "data" }, "spec": claim_spec("slow") }] } })
}

async fn bound(lab: &mut Lab, name: &str) -> String {
    lab.create(&Kind::CLAIM, &claim(name)).await;
    lab.create(&Kind::POD, &pod(&format!("on-{name}"), &[name])).await;
    lab.until_is(&Kind::CLAIM, name, "/status/phase", "Bound").await;
    lab.until_is(&Kind::POD, &format!("on-{name}"), "/status/phase", "Running").await;
    lab.volume_of(name).await
}

async fn names_and_preconditions(lab: &mut Lab) {
    lab.is_there(&Kind::CONFIG_MAP, "one").await;
    lab.delete(&Kind::CONFIG_MAP, "one", "", &Delete::default()).await;
    lab.would_create(&Kind::CONFIG_MAP, &map("one")).await;
    lab.is_there(&Kind::CONFIG_MAP, "one").await;
    lab.create(&Kind::CONFIG_MAP, &map("one")).await;
    lab.create(&Kind::CONFIG_MAP, &map("one")).await;
    lab.would_create(&Kind::CONFIG_MAP, &map("one")).await;
    let (uid, version) = (lab.uid_of(&Kind::CONFIG_MAP, "one").await, lab.version_of(&Kind::CONFIG_MAP, "one").await);
    lab.patch(&Kind::CONFIG_MAP, "one", "another version", json!({ "data": { "b": "2" } })).await;
    let of_uid = |uid: &str| Delete { uid: Some(uid.to_owned()), ..Delete::default() };
    let of_version = |version: &str| Delete { version: Some(version.to_owned()), ..Delete::default() };
    lab.delete(&Kind::CONFIG_MAP, "one", " of another uid", &of_uid("11111111-1111-1111-1111-111111111111")).await;
    lab.delete(&Kind::CONFIG_MAP, "one", " of an earlier version", &of_version(&version)).await;
    lab.is_there(&Kind::CONFIG_MAP, "one").await;
    let version = lab.version_of(&Kind::CONFIG_MAP, "one").await;
    lab.delete(&Kind::CONFIG_MAP, "one", " of its version", &of_version(&version)).await;
    lab.is_there(&Kind::CONFIG_MAP, "one").await;
    lab.create(&Kind::CONFIG_MAP, &map("one")).await;
    lab.delete(&Kind::CONFIG_MAP, "one", " of the uid before", &of_uid(&uid)).await;
    lab.is_there(&Kind::CONFIG_MAP, "one").await;
}

async fn patches(lab: &mut Lab) {
    let kind = &Kind::CONFIG_MAP;
    lab.patch(kind, "one", "anything while it is missing", json!({ "data": { "a": "2" } })).await;
    lab.create(kind, &map("one")).await;
    let version = lab.version_of(kind, "one").await;
    lab.patch(kind, "one", "labels", json!({ "metadata": { "labels": { "x": "1", "y": "2" } } })).await;
    lab.patch(kind, "one", "its earlier version", json!({ "metadata": { "resourceVersion": version }, "data": { "a": "3" } })).await;
    let version = lab.version_of(kind, "one").await;
    lab.patch(kind, "one", "its version", json!({ "metadata": { "resourceVersion": version }, "data": { "a": "4" } })).await;
    let other = json!({ "metadata": { "uid": "11111111-1111-1111-1111-111111111111" }, "data": { "a": "5" } });
    lab.patch(kind, "one", "another uid", other.clone()).await;
    let mut both = other;
    both["metadata"]["resourceVersion"] = json!("1");
    lab.patch(kind, "one", "another uid and an earlier version", both).await;
    lab.show(kind, "one", &["/data", "/metadata/labels"]).await;
    lab.list(kind, "x=1").await;
    lab.list(kind, "x=1,y!=2").await;
    lab.list(kind, "x=1,z!=2").await;
    lab.patch(kind, "one", "nulls", json!({ "metadata": { "labels": { "x": null, "y": null } }, "data": { "a": null } })).await;
    lab.show(kind, "one", &["/data", "/metadata/labels"]).await;
}

async fn a_claim_waits_for_its_pod(lab: &mut Lab) {
    lab.create(&Kind::CLAIM, &claim("a")).await;
    lab.rest().await;
    lab.show(&Kind::CLAIM, "a", &["/status/phase", "/spec/volumeName", "/metadata/finalizers"]).await;
    lab.create(&Kind::POD, &pod("on-a", &["a"])).await;
    lab.until_is(&Kind::CLAIM, "a", "/status/phase", "Bound").await;
    lab.until_is(&Kind::POD, "on-a", "/status/phase", "Running").await;
    let volume = lab.volume_of("a").await;
    lab.show(&Kind::CLAIM, "a", &["/spec/volumeName", "/spec/volumeMode", "/status/capacity/storage"]).await;
    let fields =
        ["/status/phase", "/spec/claimRef/name", "/spec/claimRef/uid", "/spec/persistentVolumeReclaimPolicy", "/spec/storageClassName"];
    lab.show(&Kind::VOLUME, &volume, &fields).await;
    lab.patch(&Kind::CLAIM, "a", "another class", json!({ "spec": { "storageClassName": "fast" } })).await;
    lab.patch(&Kind::VOLUME, &volume, "another handle", json!({ "spec": { "csi": { "volumeHandle": "other" } } })).await;
    lab.patch(&Kind::POD, "on-a", "another node", json!({ "spec": { "nodeName": "elsewhere" } })).await;
    lab.patch(&Kind::POD, "on-a", "an annotation", json!({ "metadata": { "annotations": { "x": "1" } } })).await;
}

async fn a_claim_in_use_stays(lab: &mut Lab) {
    let volume = bound(lab, "a").await;
    lab.patch(&Kind::VOLUME, &volume, "Retain", json!({ "spec": { "persistentVolumeReclaimPolicy": "Retain" } })).await;
    lab.delete(&Kind::CLAIM, "a", "", &Delete::default()).await;
    lab.rest().await;
    lab.until(&Kind::CLAIM, "a", "being deleted", |claim| claim["metadata"]["deletionTimestamp"].is_string()).await;
    lab.show(&Kind::CLAIM, "a", &["/status/phase", "/metadata/finalizers"]).await;
    lab.show(&Kind::POD, "on-a", &["/status/phase"]).await;
    lab.create(&Kind::CLAIM, &claim("a")).await;
    lab.delete(&Kind::POD, "on-a", "", &Delete::default()).await;
    lab.until_gone(&Kind::POD, "on-a").await;
    lab.until_gone(&Kind::CLAIM, "a").await;
    lab.until_is(&Kind::VOLUME, &volume, "/status/phase", "Released").await;
    lab.rest().await;
    lab.show(&Kind::VOLUME, &volume, &["/status/phase", "/spec/claimRef/uid"]).await;
}

async fn a_completed_pod_holds_its_claim(lab: &mut Lab) {
    lab.create(&Kind::CLAIM, &claim("a")).await;
    let mut over = pod("on-a", &["a"]);
    over["spec"] = pod_spec(&["a"], &["true"]);
    over["spec"]["restartPolicy"] = json!("OnFailure");
    lab.create(&Kind::POD, &over).await;
    lab.until_is(&Kind::POD, "on-a", "/status/phase", "Succeeded").await;
    let volume = lab.volume_of("a").await;
    lab.delete(&Kind::CLAIM, "a", "", &Delete::default()).await;
    lab.rest().await;
    lab.until(&Kind::CLAIM, "a", "being deleted", |claim| claim["metadata"]["deletionTimestamp"].is_string()).await;
    lab.delete(&Kind::POD, "on-a", "", &Delete::default()).await;
    lab.until_gone(&Kind::POD, "on-a").await;
    lab.until_gone(&Kind::CLAIM, "a").await;
    lab.until_gone(&Kind::VOLUME, &volume).await;
}

async fn a_kept_volume_is_reserved_by_name(lab: &mut Lab) {
    let volume = bound(lab, "a").await;
    lab.patch(&Kind::VOLUME, &volume, "Retain", json!({ "spec": { "persistentVolumeReclaimPolicy": "Retain" } })).await;
    lab.delete(&Kind::POD, "on-a", "", &Delete::default()).await;
    lab.until_gone(&Kind::POD, "on-a").await;
    lab.delete(&Kind::CLAIM, "a", "", &Delete::default()).await;
    lab.until_is(&Kind::VOLUME, &volume, "/status/phase", "Released").await;
    // Released volumes bind to nobody, not even to a claim of the old name.
    lab.create(&Kind::CLAIM, &claim_on("a", &volume)).await;
    lab.rest().await;
    lab.show(&Kind::CLAIM, "a", &["/status/phase"]).await;
    lab.delete(&Kind::CLAIM, "a", "", &Delete::default()).await;
    lab.until_gone(&Kind::CLAIM, "a").await;
    let namespace = lab.read(&Kind::VOLUME, &volume).await["spec"]["claimRef"]["namespace"].clone();
    let reserve = json!({ "spec": { "claimRef": { "namespace": namespace, "name": "b", "uid": null, "resourceVersion": null } } });
    lab.patch(&Kind::VOLUME, &volume, "a reservation for b", reserve).await;
    lab.until_is(&Kind::VOLUME, &volume, "/status/phase", "Available").await;
    lab.create(&Kind::CLAIM, &claim_on("c", &volume)).await;
    lab.rest().await;
    lab.show(&Kind::CLAIM, "c", &["/status/phase"]).await;
    lab.create(&Kind::CLAIM, &claim_on("b", &volume)).await;
    lab.until_is(&Kind::CLAIM, "b", "/status/phase", "Bound").await;
    lab.until_is(&Kind::VOLUME, &volume, "/status/phase", "Bound").await;
    lab.uid_of(&Kind::CLAIM, "b").await;
    lab.show(&Kind::VOLUME, &volume, &["/spec/claimRef/name", "/spec/claimRef/uid"]).await;
    lab.create(&Kind::POD, &pod("on-b", &["b"])).await;
    lab.until_is(&Kind::POD, "on-b", "/status/phase", "Running").await;
}

async fn a_volume_on_delete_goes_with_its_claim(lab: &mut Lab) {
    let volume = bound(lab, "a").await;
    lab.delete(&Kind::VOLUME, &volume, "", &Delete::default()).await;
    lab.rest().await;
    lab.until(&Kind::VOLUME, &volume, "being deleted", |volume| volume["metadata"]["deletionTimestamp"].is_string()).await;
    lab.show(&Kind::CLAIM, "a", &["/status/phase"]).await;
    lab.delete(&Kind::POD, "on-a", "", &Delete::default()).await;
    lab.until_gone(&Kind::POD, "on-a").await;
    lab.delete(&Kind::CLAIM, "a", "", &Delete::default()).await;
    lab.until_gone(&Kind::CLAIM, "a").await;
    lab.until_gone(&Kind::VOLUME, &volume).await;
    // A kept volume that is set to be deleted later is reclaimed at once.
    let volume = bound(lab, "b").await;
    lab.patch(&Kind::VOLUME, &volume, "Retain", json!({ "spec": { "persistentVolumeReclaimPolicy": "Retain" } })).await;
    lab.delete(&Kind::POD, "on-b", "", &Delete::default()).await;
    lab.until_gone(&Kind::POD, "on-b").await;
    lab.delete(&Kind::CLAIM, "b", "", &Delete::default()).await;
    lab.until_is(&Kind::VOLUME, &volume, "/status/phase", "Released").await;
    lab.patch(&Kind::VOLUME, &volume, "Delete", json!({ "spec": { "persistentVolumeReclaimPolicy": "Delete" } })).await;
    lab.until_gone(&Kind::VOLUME, &volume).await;
}

async fn running(lab: &mut Lab, count: u64) {
    let ready = |set: &Value| set["status"]["readyReplicas"].as_u64().unwrap_or(0);
    lab.until(&Kind::STATEFUL_SET, "db", &format!("at {count} ready"), |set| ready(set) == count).await;
}

async fn a_set_scales(lab: &mut Lab) {
    let kind = &Kind::STATEFUL_SET;
    lab.create(kind, &set(2)).await;
    running(lab, 2).await;
    lab.show(kind, "db", &["/metadata/generation", "/status/observedGeneration", "/spec/persistentVolumeClaimRetentionPolicy"]).await;
    lab.list(&Kind::CLAIM, "app=db").await;
    lab.patch(kind, "db", "a label", json!({ "metadata": { "labels": { "x": "1" } } })).await;
    lab.show(kind, "db", &["/metadata/generation"]).await;
    lab.patch(kind, "db", "0 replicas", json!({ "spec": { "replicas": 0 } })).await;
    lab.show(kind, "db", &["/metadata/generation"]).await;
    lab.until_gone(&Kind::POD, "db-1").await;
    lab.until_gone(&Kind::POD, "db-0").await;
    lab.list(&Kind::CLAIM, "app=db").await;
    lab.patch(kind, "db", "another class in its claim template", json!({ "spec": { "volumeClaimTemplates": [] } })).await;
    lab.patch(kind, "db", "1 replica", json!({ "spec": { "replicas": 1 } })).await;
    running(lab, 1).await;
    // A live set makes a missing claim anew, empty.
    let volume = lab.volume_of("data-db-0").await;
    lab.delete(&Kind::CLAIM, "data-db-0", "", &Delete::default()).await;
    lab.delete(&Kind::POD, "db-0", "", &Delete::default()).await;
    let other = volume.clone();
    let is_new = move |claim: &Value| claim["status"]["phase"] == "Bound" && claim["spec"]["volumeName"] != other.as_str();
    lab.until(&Kind::CLAIM, "data-db-0", "on another volume", is_new).await;
}

async fn a_set_is_made_again_around_its_claims(lab: &mut Lab) {
    let kind = &Kind::STATEFUL_SET;
    lab.create(kind, &set(1)).await;
    running(lab, 1).await;
    let old = lab.uid_of(kind, "db").await;
    lab.show(&Kind::POD, "db-0", &["/metadata/ownerReferences/0/uid"]).await;
    let pod = lab.uid_of(&Kind::POD, "db-0").await;
    lab.delete(kind, "db", ", leaving what it owns", &Delete { orphan: true, uid: Some(old), ..Delete::default() }).await;
    lab.until_gone(kind, "db").await;
    lab.show(&Kind::POD, "db-0", &["/status/phase", "/metadata/ownerReferences"]).await;
    lab.create(kind, &set(1)).await;
    lab.until(&Kind::POD, "db-0", "owned again", |pod| pod["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet").await;
    running(lab, 1).await;
    let same = lab.read(&Kind::POD, "db-0").await["metadata"]["uid"] == pod.as_str();
    assert!(same, "a running pod is adopted");
    let version = lab.version_of(kind, "db").await;
    lab.patch(kind, "db", "0 replicas", json!({ "spec": { "replicas": 0 } })).await;
    lab.delete(kind, "db", " of an earlier version", &Delete { version: Some(version), orphan: true, ..Delete::default() }).await;
    lab.is_there(kind, "db").await;
}

async fn a_set_owns_its_claims(lab: &mut Lab) {
    let kind = &Kind::STATEFUL_SET;
    lab.create(kind, &set(1)).await;
    running(lab, 1).await;
    lab.show(&Kind::CLAIM, "data-db-0", &["/metadata/ownerReferences"]).await;
    let policy = |word: &str| json!({ "spec": { "persistentVolumeClaimRetentionPolicy": { "whenDeleted": word, "whenScaled": word } } });
    lab.patch(kind, "db", "Delete", policy("Delete")).await;
    lab.until(&Kind::CLAIM, "data-db-0", "owned", |claim| claim["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet").await;
    lab.patch(kind, "db", "Retain", policy("Retain")).await;
    let is_free = |claim: &Value| claim["metadata"]["ownerReferences"].is_null();
    lab.until(&Kind::CLAIM, "data-db-0", "owned by nobody", is_free).await;
    lab.patch(kind, "db", "0 replicas", json!({ "spec": { "replicas": 0 } })).await;
    lab.until_gone(&Kind::POD, "db-0").await;
    lab.rest().await;
    lab.is_there(&Kind::CLAIM, "data-db-0").await;
}

async fn a_deployment_scales(lab: &mut Lab) {
    let kind = &Kind::DEPLOYMENT;
    lab.create(&Kind::CLAIM, &claim("a")).await;
    let deployment = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": { "replicas": 1, "strategy": { "type": "Recreate" }, "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } }, "spec": pod_spec(&["a"], &STAYS) } } });
    lab.create(kind, &deployment).await;
    let ready = |count: u64| move |web: &Value| web["status"]["readyReplicas"].as_u64().unwrap_or(0) == count;
    lab.until(kind, "web", "at 1 ready", ready(1)).await;
    lab.show(kind, "web", &["/metadata/generation"]).await;
    let label = json!({ "metadata": { "labels": { "x": "1" } }, "spec": { "replicas": 0 } });
    lab.patch(kind, "web", "0 replicas and a label", label).await;
    lab.show(kind, "web", &["/metadata/generation"]).await;
    lab.until(kind, "web", "at 0 ready", ready(0)).await;
    lab.patch(kind, "web", "1 replica", json!({ "spec": { "replicas": 1 } })).await;
    lab.until(kind, "web", "at 1 ready", ready(1)).await;
}

async fn a_quota_refuses(lab: &mut Lab) {
    let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "few" },
        "spec": { "hard": { "persistentvolumeclaims": "1" } } });
    lab.create(&Kind::RESOURCE_QUOTA, &quota).await;
    lab.until(&Kind::RESOURCE_QUOTA, "few", "counted", |quota| quota["status"]["hard"].is_object()).await;
    lab.create(&Kind::CLAIM, &claim("a")).await;
    lab.create(&Kind::CLAIM, &claim("b")).await;
    lab.would_create(&Kind::CLAIM, &claim("b")).await;
    lab.is_there(&Kind::CLAIM, "b").await;
}
