//! What is refused, before anything is changed, and what is taken back because it cannot be finished.

use serde_json::{Value, json};

use crate::apps;
use crate::harness::Space;

#[test]
fn a_spec_edited_between_plan_and_execute_is_refused_with_the_difference() {
    let space = Space::new("drift");
    apps::set(&space, "drifts", 1, &[("data", "slow")]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plan.yaml");
    let file = file.to_str().expect("a plain path");
    space.stateful(&["plan", "sts/drifts", "--to-storage-class", "fast", "--out", file]).ends_with(0);
    space.kubectl(&["patch", "sts/drifts", "--patch", r#"{"spec":{"minReadySeconds":3}}"#]);
    space.stateful(&["execute", file]).ends_with(4).says("minReadySeconds");
    assert_eq!(space.claim("data-drifts-0").0, "slow");
    assert_eq!(space.ours(), Vec::<String>::new());
}

#[test]
fn a_claim_that_somebody_else_mounts_is_refused() {
    let space = Space::new("elsewhere");
    apps::set(&space, "shared", 1, &[("data", "slow")]);
    let node = space.get("pod/shared-0").expect("the pod")["spec"]["nodeName"].clone();
    apps::holder_on(&space, "stranger", "data-shared-0", false, &node);
    space.stateful(&["plan", "sts/shared", "--to-storage-class", "fast"]).ends_with(4).says("stranger");
}

#[test]
fn a_class_that_is_missing_or_the_same_is_refused() {
    let space = Space::new("class");
    apps::set(&space, "one", 1, &[("data", "slow")]);
    space.stateful(&["plan", "sts/one", "--to-storage-class", "none-such"]).ends_with(4).says("none-such");
    space.stateful(&["plan", "sts/one", "--to-storage-class", "slow", "--error-unchanged"]).ends_with(3);
    space.stateful(&["plan", "sts/one", "--to-storage-class", "slow"]).ends_with(0);
}

#[test]
fn a_target_that_is_too_small_is_refused() {
    let space = Space::new("small");
    apps::set(&space, "small", 1, &[("data", "slow")]);
    space.shell("small-0", "head -c 40000000 /dev/urandom > /data/fill; sync");
    // The kubelet looks at volumes every few seconds.
    let plan = |size: &str| space.stateful(&["plan", "sts/small", "--to-storage-class", "fast", "--size", size]);
    space.until("the kubelet to say what is used", |_| plan("40Mi").stderr.contains("are used"));
    plan("40Mi").ends_with(4).says("cannot move to a volume of 40Mi");
    plan("0").ends_with(1).says("not an amount");
    apps::claim(&space, "disk", "slow", true);
    apps::holder(&space, "raw", "disk", true);
    space.stateful(&["plan", "pod/raw", "--to-storage-class", "fast", "--size", "32Mi"]).ends_with(4).says("copied whole");
}

#[test]
fn a_quota_without_room_for_both_copies_is_refused() {
    let space = Space::new("quota");
    apps::set(&space, "one", 1, &[("data", "slow")]);
    space.apply(&json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "tight" },
        "spec": { "hard": { "requests.storage": "100Mi" } } }));
    space.until("the quota to count", |space| space.get("quota/tight").is_some_and(|quota| quota["status"]["used"].is_object()));
    space.stateful(&["plan", "sts/one", "--to-storage-class", "fast"]).ends_with(4).says("tight");
}

#[test]
fn a_missing_permission_is_named_with_verb_and_resource() {
    let space = Space::new("rbac");
    apps::set(&space, "one", 1, &[("data", "slow")]);
    let account = "reader";
    space.kubectl(&["create", "serviceaccount", account]);
    space.kubectl(&["create", "role", account, "--verb=get,list", "--resource=pods,persistentvolumeclaims,statefulsets,configmaps"]);
    space.kubectl(&["create", "rolebinding", account, "--role", account, &format!("--serviceaccount={}:{account}", space.name)]);
    let user = format!("system:serviceaccount:{}:{account}", space.name);
    let ran = space.stateful(&["plan", "sts/one", "--to-storage-class", "fast", "--as", &user]).ends_with(4);
    ran.says("patch persistentvolumes");
}

/// Everything goes through under the roles that are shipped: a move, its way back, and the end of it.
#[test]
fn the_shipped_roles_are_enough() {
    let space = Space::new("roles");
    apps::set(&space, "one", 1, &[("data", "slow")]);
    space.kubectl(&["apply", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rbac.yaml")]);
    space.kubectl(&["create", "serviceaccount", "mover"]);
    let account = format!("--serviceaccount={}:mover", space.name);
    space.kubectl(&["create", "rolebinding", "mover", "--clusterrole=kubectl-stateful", &account]);
    space.kubectl(&["create", "clusterrolebinding", &space.name, "--clusterrole=kubectl-stateful-cluster", &account]);
    let user = format!("system:serviceaccount:{}:mover", space.name);
    let runs = [
        &["execute", "sts/one", "--to-storage-class", "fast", "--run", "there", "--yes", "--as", &user][..],
        &["undo", "there", "--yes", "--as", &user],
        &["finalize", "there", "--yes", "--as", &user],
        &["status", "--as", &user],
    ]
    .map(|args| space.stateful(args));
    space.kubectl(&["delete", "clusterrolebinding", &space.name]);
    for ran in runs {
        ran.ends_with(0);
    }
    apps::nothing_is_lost(&space, "one-0");
}

#[test]
fn an_autoscaler_that_would_fight_is_refused() {
    let space = Space::new("hpa");
    apps::set(&space, "one", 1, &[("data", "slow")]);
    space.kubectl(&["autoscale", "sts/one", "--min=1", "--max=3", "--cpu=50%"]);
    space.stateful(&["plan", "sts/one", "--to-storage-class", "fast"]).ends_with(4).says("HorizontalPodAutoscaler");
}

/// A target that is too small for the data, by a class whose file system needs more room: the app must be back on its source.
#[test]
fn a_full_target_brings_the_app_back_on_its_source() {
    let space = Space::new("full");
    apps::set(&space, "full", 1, &[("data", "slow")]);
    // The driver makes the volume smaller than asked for, as a thinly provisioned store that is full would behave.
    let fill = "n=0; while [ $n -lt 8 ]; do head -c 5000000 /dev/urandom > /data/fill$n || exit 1; n=$((n+1)); done; sync";
    space.shell("full-0", fill);
    let (class, volume) = space.claim("data-full-0");
    let class_small = format!("small-{}", space.name);
    space.apply(&json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": class_small },
        "provisioner": "fast.loop.csi", "volumeBindingMode": "WaitForFirstConsumer", "parameters": { "fraction": "0.5" } }));
    let ran = space.stateful(&["execute", "sts/full", "--to-storage-class", &class_small, "--yes"]);
    space.kubectl(&["delete", "storageclass", &class_small]);
    ran.ends_with(5).says("full");
    assert_eq!(space.claim("data-full-0"), (class, volume.clone()));
    space.until_ready("sts/full");
    apps::nothing_is_lost(&space, "full-0");
    let kept: Vec<Value> = space.volumes();
    assert_eq!(kept.len(), 1, "only the source volume is left: {kept:?}");
    assert_eq!(kept[0]["spec"]["persistentVolumeReclaimPolicy"], "Delete");
    assert!(kept[0]["metadata"]["labels"]["kubectl-stateful.dev/run"].is_null());
}

/// A target that can never be mounted must not cost the app a second: it is found out before the app is stopped.
#[test]
fn a_target_that_cannot_be_mounted_leaves_the_app_alone() {
    let space = Space::new("unmountable");
    apps::set(&space, "calm", 1, &[("data", "slow")]);
    let uid = space.get("pod/calm-0").expect("the pod")["metadata"]["uid"].clone();
    // 64 MiB are too few for XFS, which shows only when it is made.
    let mut child = space.start_stateful(&["execute", "sts/calm", "--to-storage-class", "fast-xfs", "--yes", "--run", "calm"]);
    // On a busy node the app's own pod may have such an event too, of before.
    let fails = |line: &str| line.contains("FailedMount") && !line.contains("pod/calm-0");
    space.until("the mover to fail to mount", |space| space.try_kubectl(&["get", "events"]).stdout.lines().any(fails));
    std::thread::sleep(std::time::Duration::from_secs(3));
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    space.stateful(&["undo", "calm", "--yes"]).ends_with(0);
    assert_eq!(space.get("pod/calm-0").expect("the pod")["metadata"]["uid"], uid, "the app was never stopped");
    apps::lines(&space, "calm-0");
}
