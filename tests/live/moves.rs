//! Moves that go through: of every kind of app, between every kind of class.

use serde_json::{Value, json};

use crate::apps;
use crate::harness::Space;

/// Moves a scribe set and looks at everything a user would.
fn set_moves(space: &Space, name: &str, replicas: u32, templates: &[(&str, &str)], to: &str) {
    apps::set(space, name, replicas, templates);
    let before = space.get(&format!("sts/{name}")).expect("the set");
    let old: Vec<(String, String)> =
        claims(name, replicas, templates).into_iter().map(|claim| (claim.clone(), space.claim(&claim).1)).collect();
    let wrote: Vec<u64> = (0..replicas).map(|index| apps::lines(space, &format!("{name}-{index}"))).collect();
    space.stateful(&["execute", &format!("sts/{name}"), "--to-storage-class", to, "--yes"]).ends_with(0);
    space.until_ready(&format!("sts/{name}"));
    for index in 0..replicas {
        let pod = format!("{name}-{index}");
        apps::nothing_is_lost(space, &pod);
        assert!(apps::lines(space, &pod) >= wrote[index as usize]);
    }
    for (claim, old_volume) in &old {
        let (class, volume) = space.claim(claim);
        assert_eq!(class, to);
        assert_ne!(volume, *old_volume);
        let kept = space.get(&format!("pv/{old_volume}")).expect("the old volume is kept");
        assert_eq!(kept["spec"]["persistentVolumeReclaimPolicy"], "Retain");
        let new = space.get(&format!("pv/{volume}")).expect("the new volume");
        assert_eq!(new["spec"]["persistentVolumeReclaimPolicy"], "Delete");
        assert!(new["metadata"]["labels"]["kubectl-stateful.dev/run"].is_null(), "{new}");
    }
    same_but_for_class(&before, &space.get(&format!("sts/{name}")).expect("the set"), to);
    let left: Vec<String> = space.ours().into_iter().filter(|name| !name.starts_with("configmap/")).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

fn claims(name: &str, replicas: u32, templates: &[(&str, &str)]) -> Vec<String> {
    (0..replicas).flat_map(|index| templates.iter().map(move |(template, _)| format!("{template}-{name}-{index}"))).collect()
}

/// The set is what it was, but for the class in its claim templates.
fn same_but_for_class(before: &Value, after: &Value, class: &str) {
    let plain = |set: &Value| {
        let mut set = set.clone();
        set["spec"]["volumeClaimTemplates"] = Value::Null;
        json!([set["spec"], set["metadata"]["labels"], set["metadata"]["annotations"], set["metadata"]["ownerReferences"]])
    };
    assert_eq!(plain(before), plain(after));
    let templates = |set: &Value| set["spec"]["volumeClaimTemplates"].as_array().cloned().expect("claim templates");
    for (old, new) in templates(before).iter().zip(templates(after)) {
        let mut expected = old.clone();
        expected["spec"]["storageClassName"] = json!(class);
        assert_eq!(expected, new);
    }
}

#[test]
fn one_replica_moves_and_a_later_scale_up_gets_the_new_class() {
    let space = Space::new("one");
    set_moves(&space, "one", 1, &[("data", "slow")], "fast");
    space.kubectl(&["scale", "sts/one", "--replicas=2"]);
    space.until_ready("sts/one");
    assert_eq!(space.claim("data-one-1").0, "fast");
}

#[test]
fn three_replicas_with_two_templates_each_move() {
    let space = Space::new("three");
    set_moves(&space, "three", 3, &[("data", "slow"), ("wal", "slow")], "fast");
}

#[test]
fn another_size_is_given_and_taken_back() {
    let space = Space::new("size");
    apps::set(&space, "grown", 1, &[("data", "slow")]);
    let asked = |space: &Space| {
        let (set, claim) = (space.get("sts/grown").expect("the set"), space.get("pvc/data-grown-0").expect("the claim"));
        let of = |spec: &Value| spec["resources"]["requests"]["storage"].as_str().unwrap_or_default().to_owned();
        [of(&claim["spec"]), of(&set["spec"]["volumeClaimTemplates"][0]["spec"])]
    };
    let before = asked(&space);
    space.stateful(&["execute", "sts/grown", "--to-storage-class", "fast", "--size", "96Mi", "--run", "grow", "--yes"]).ends_with(0);
    space.until_ready("sts/grown");
    assert_eq!(asked(&space), ["96Mi", "96Mi"]);
    assert_eq!(space.get("pvc/data-grown-0").expect("the claim")["status"]["capacity"]["storage"], "96Mi");
    space.stateful(&["undo", "grow", "--yes"]).ends_with(0);
    space.until_ready("sts/grown");
    assert_eq!((asked(&space), space.claim("data-grown-0").0.as_str()), (before, "slow"));
    apps::nothing_is_lost(&space, "grown-0");
}

#[test]
fn a_target_that_binds_at_once_is_reached_over_the_network() {
    let space = Space::new("immediate");
    set_moves(&space, "now", 1, &[("data", "slow")], "fast-now");
}

#[test]
fn a_move_between_file_systems_keeps_everything() {
    let space = Space::new("xfs");
    set_moves(&space, "xfs", 1, &[("data", "fast-xfs")], "slow");
}

#[test]
fn a_source_pinned_to_one_node_moves_to_a_target_on_another() {
    let space = Space::new("nodes");
    apps::set(&space, "pinned", 1, &[("data", "fast")]);
    let pod = space.get("pod/pinned-0").expect("the pod");
    let here = pod["spec"]["nodeName"].as_str().expect("a node");
    let nodes = space.kubectl(&["get", "nodes", "-o", "name"]);
    let there = nodes.lines().filter_map(|node| node.strip_prefix("node/")).find(|node| *node != here).expect("two nodes");
    let class = apps::class_on(&space, there);
    let ran = space.stateful(&["execute", "sts/pinned", "--to-storage-class", &class, "--yes"]);
    space.kubectl(&["delete", "storageclass", &class]);
    ran.ends_with(0);
    space.until_ready("sts/pinned");
    apps::nothing_is_lost(&space, "pinned-0");
    assert_eq!(space.get("pod/pinned-0").expect("the pod")["spec"]["nodeName"], there);
}

#[test]
fn a_deployment_moves() {
    let space = Space::new("deployment");
    apps::claim(&space, "papers", "slow", false);
    apps::deployment(&space, "clerk", "papers");
    space.stateful(&["execute", "deploy/clerk", "--to-storage-class", "fast", "--yes"]).ends_with(0);
    space.until_ready("deploy/clerk");
    assert_eq!(space.claim("papers").0, "fast");
    apps::nothing_is_lost(&space, "deploy/clerk");
}

#[test]
fn a_bare_pod_moves() {
    let space = Space::new("pod");
    apps::claim(&space, "papers", "slow", false);
    apps::pod(&space, "clerk", "papers");
    space.stateful(&["execute", "pod/clerk", "--to-storage-class", "fast", "--yes"]).ends_with(0);
    space.until_ready("pod/clerk");
    assert_eq!(space.claim("papers").0, "fast");
    apps::nothing_is_lost(&space, "clerk");
}

#[test]
fn an_unattached_claim_moves() {
    let space = Space::new("unattached");
    apps::claim(&space, "papers", "slow", false);
    apps::holder(&space, "before", "papers", false);
    space.shell("before", "echo hello > /data/hello; sync");
    space.kubectl(&["delete", "pod", "before"]);
    space.stateful(&["execute", "pvc/papers", "--to-storage-class", "fast", "--yes"]).ends_with(0);
    assert_eq!(space.claim("papers").0, "fast");
    apps::holder(&space, "after", "papers", false);
    assert_eq!(space.shell("after", "cat /data/hello"), "hello\n");
}

#[test]
fn a_block_volume_moves() {
    let space = Space::new("block");
    apps::claim(&space, "disk", "slow", true);
    apps::holder(&space, "before", "disk", true);
    let sum = "dd if=/dev/data bs=1M 2>/dev/null | md5sum";
    space.shell("before", "dd if=/dev/urandom of=/dev/data bs=1M count=5 seek=3 2>/dev/null; sync");
    let wrote = space.shell("before", sum);
    space.stateful(&["execute", "pod/before", "--to-storage-class", "fast", "--yes"]).ends_with(0);
    assert_eq!(space.claim("disk").0, "fast");
    space.until_ready("pod/before");
    assert_eq!(space.shell("before", sum), wrote);
}

#[test]
fn a_set_scaled_to_zero_moves_with_the_claims_it_left() {
    let space = Space::new("zero");
    apps::set(&space, "zero", 2, &[("data", "slow")]);
    space.kubectl(&["scale", "sts/zero", "--replicas=0"]);
    space.until("the pods to be gone", |space| space.get("pod/zero-0").is_none() && space.get("pod/zero-1").is_none());
    space.stateful(&["execute", "sts/zero", "--to-storage-class", "fast", "--yes"]).ends_with(0);
    space.kubectl(&["scale", "sts/zero", "--replicas=2"]);
    space.until_ready("sts/zero");
    for pod in ["zero-0", "zero-1"] {
        assert_eq!(space.claim(&format!("data-{pod}")).0, "fast");
        apps::nothing_is_lost(&space, pod);
    }
}

#[test]
fn a_set_that_deletes_its_claims_on_scale_down_keeps_them() {
    let space = Space::new("retention");
    apps::set(&space, "frail", 1, &[("data", "slow")]);
    let policy = r#"{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Delete","whenScaled":"Delete"}}}"#;
    space.kubectl(&["patch", "sts/frail", "--patch", policy]);
    space.stateful(&["execute", "sts/frail", "--to-storage-class", "fast", "--yes"]).ends_with(0);
    space.until_ready("sts/frail");
    apps::nothing_is_lost(&space, "frail-0");
    assert_eq!(space.claim("data-frail-0").0, "fast");
    let set = space.get("sts/frail").expect("the set");
    assert_eq!(set["spec"]["persistentVolumeClaimRetentionPolicy"], json!({ "whenDeleted": "Delete", "whenScaled": "Delete" }));
}

#[test]
fn a_plan_file_is_carried_out_as_it_is() {
    let space = Space::new("file");
    apps::set(&space, "filed", 1, &[("data", "slow")]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plan.yaml");
    let file = file.to_str().expect("a plain path");
    space.stateful(&["plan", "statefulset", "filed", "--to-storage-class", "fast", "--out", file]).ends_with(0);
    assert_eq!(space.claim("data-filed-0").0, "slow", "planning changes nothing");
    space.stateful(&["execute", file, "--yes"]).ends_with(0);
    assert_eq!(space.claim("data-filed-0").0, "fast");
    apps::nothing_is_lost(&space, "filed-0");
}

#[test]
fn in_a_restricted_namespace_movers_run_as_the_app_does() {
    let space = Space::new("restricted");
    space.kubectl(&["label", "namespace", &space.name, "pod-security.kubernetes.io/enforce=restricted"]);
    apps::restricted_set(&space, "small");
    let lines = apps::lines(&space, "small-0");
    space.stateful(&["execute", "sts/small", "--to-storage-class", "fast", "--yes", "--run", "there"]).ends_with(0).says("as user 1000");
    space.until_ready("sts/small");
    assert_eq!(space.claim("data-small-0").0, "fast");
    apps::nothing_is_torn(&space, "small-0");
    assert!(apps::lines(&space, "small-0") >= lines);
    space.stateful(&["undo", "there", "--yes"]).ends_with(0);
    space.until_ready("sts/small");
    assert_eq!(space.claim("data-small-0").0, "slow");
    apps::nothing_is_torn(&space, "small-0");
}

/// What another user put there nobody without privileges can keep: that is found out while the app runs.
#[test]
fn what_the_app_cannot_keep_is_named_before_it_is_stopped() {
    let space = Space::new("foreign");
    apps::restricted_set(&space, "small");
    let uid = space.get("pod/small-0").expect("the pod")["metadata"]["uid"].clone();
    let node = space.get("pod/small-0").expect("the pod")["spec"]["nodeName"].clone();
    apps::holder_on(&space, "root", "data-small-0", false, &node);
    space.shell("root", "echo secret > /data/foreign && chmod 600 /data/foreign");
    space.kubectl(&["delete", "pod", "root"]);
    space.kubectl(&["label", "namespace", &space.name, "pod-security.kubernetes.io/enforce=restricted"]);
    space.stateful(&["execute", "sts/small", "--to-storage-class", "fast", "--yes"]).ends_with(7).says("foreign");
    assert_eq!(space.get("pod/small-0").expect("the pod")["metadata"]["uid"], uid, "the app was never stopped");
    assert_eq!(space.claim("data-small-0").0, "slow");
}
