//! The lint against authors: a plan that names anything foreign, anywhere, is not read. Every string of every kind of plan is exchanged, one
//! at a time; what may be anything is listed here, and is nothing that says what a step reaches.

use std::collections::{BTreeMap, BTreeSet};

use kubectl_stateful::plan::file::{self, Unreadable};
use kubectl_stateful::plan::{Destination, Plan};
use kubectl_stateful::planner;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::seen;

/// Plans of all shapes that surveys made by hand have.
fn plans() -> Vec<(&'static str, Plan)> {
    let plan = |request: &_, survey: &_| planner::plan(request, survey, "https://cluster").expect("it can be planned");
    let mut retention = seen::set(1, &["data"]);
    retention.app.raw["spec"]["persistentVolumeClaimRetentionPolicy"] = json!({ "whenDeleted": "Delete", "whenScaled": "Retain" });
    let mut network = seen::request();
    network.destination = Destination::StorageClass { name: "now".to_owned() };
    let mut sized = seen::request();
    sized.size_bytes = Some(3 << 30);
    sized.access_modes = vec!["ReadWriteMany".to_owned()];
    let mut block = seen::set(1, &["data"]);
    block.claims[0].block = true;
    block.claims[0].raw["spec"]["volumeMode"] = json!("Block");
    let mut dead = seen::deployment();
    let mut over = dead.claims[0].mounted_by[0].clone();
    (over.pod, over.uid, over.phase, over.reason) =
        ("web-0".to_owned(), "uid-web-0".to_owned(), "Failed".to_owned(), Some("Evicted".to_owned()));
    dead.claims[0].mounted_by.insert(0, over);
    vec![
        ("set", plan(&seen::request(), &seen::set(2, &["data", "wal"]))),
        ("deployment", plan(&seen::request(), &seen::deployment())),
        ("unattached", plan(&seen::request(), &seen::unattached())),
        ("retention", plan(&seen::request(), &retention)),
        ("network", plan(&network, &seen::set(1, &["data"]))),
        ("size", plan(&sized, &seen::set(1, &["data"]))),
        ("back", crate::planner::back(false)),
        ("back, discarding", crate::planner::back(true)),
        ("pod", plan(&seen::request(), &seen::bare_pod())),
        ("block", plan(&seen::request(), &block)),
        ("dead pod", plan(&seen::request(), &dead)),
    ]
}

/// Pointers to all strings of a document.
fn strings(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| strings(item, &format!("{at}/{index}"), found)),
        Value::Object(fields) => {
            for (key, field) in fields {
                strings(field, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Plans as version 1 wrote them, of what [`plans`] are of, with the digests that volumes bear.
const OLD: [(&str, &str, &str); 11] = [
    ("set", include_str!("fixtures/plan-v1-set.json"), "3b397f7ffe83fdc1a440c25bc0b3ffeb7b93c0b204dccb30650a3934cd0d412e"),
    ("deployment", include_str!("fixtures/plan-v1-deployment.json"), "5af37eed75ec3f364445864213c8b54134497b82e8027d04b71abd1d8d8a5a6d"),
    ("unattached", include_str!("fixtures/plan-v1-unattached.json"), "e06659352dd39af31c911ec60df64f5a9a8ae5c3e740122b7d7f2c41dc88ae57"),
    ("retention", include_str!("fixtures/plan-v1-retention.json"), "7bd79adbb8325e37d5755d6ac01611ec74f9f16f64c8a80d3f6c2bc7b73232de"),
    ("network", include_str!("fixtures/plan-v1-network.json"), "060352db975bdaba7e735a42f3507afc53f8b34c5737572ecea2e454ca512271"),
    ("size", include_str!("fixtures/plan-v1-size.json"), "d5625b49646484b885c3142af5a040a70e773dfeb88100d9cb5805d9ad2601d3"),
    ("back", include_str!("fixtures/plan-v1-back.json"), "136aaee1a8318a78fd00fc4fff8c452c1410de876555c97e97ff090bb5d84d5e"),
    (
        "back, discarding",
        include_str!("fixtures/plan-v1-back-discarding.json"),
        "8b401532ec5cf5132f4fb283f1aa97a07d57c01775521df52c2f511aa5e926c3",
    ),
    ("pod", include_str!("fixtures/plan-v1-pod.json"), "04d8d94b3819f790e7808f6b33cafb16d2a4ba51579377a72b71e531bc5cabe5"),
    ("block", include_str!("fixtures/plan-v1-block.json"), "d5b94a7ad6938341d33c968d1fac0d9408b3407377a2c84cdd90723edf4ddde6"),
    ("dead pod", include_str!("fixtures/plan-v1-dead-pod.json"), "4cfc56bcbb5eec9823105cb037d17a4f8130feefb49bd1539d09e762012def25"),
];

const OLD_VERSION: &str = "kubectl-stateful.dev/v1";

/// All of them as JSON, those of today and those of version 1.
fn documents() -> Vec<(String, Value)> {
    let json = |text: &str| serde_json::from_str(text).expect("JSON");
    let today = plans().into_iter().map(|(name, plan)| (name.to_owned(), json(&file::to_json(&plan))));
    today.chain(OLD.iter().map(|(name, text, _)| (format!("{name} of version 1"), json(text)))).collect()
}

/// Strings that may be anything: words for people, uids and classes (which steps compare with what they find), what claims of the app are
/// like, and where a mover may run.
const FREE: [&str; 37] = [
    "/moves/*/outageBecause",
    "/request/madeAt",
    "/request/destination/name",
    "/request/destination/run",
    "/request/destination/volumes/0/class",
    "/request/destination/volumes/0/request",
    "/request/destination/volumes/0/volumeUid",
    "/request/destination/volumes/0/claimRef/uid",
    "/request/onlyClaims",
    "/request/moverImage",
    "/cluster",
    "/app/uid",
    // Where no manifest names the app. That it is the one that was planned steps see by its uid, and trust by the digest.
    "=/app/name",
    "/moves/*/source/class",
    "/moves/*/source/uid",
    "/moves/*/source/volumeUid",
    "/moves/*/target/class",
    "/moves/*/sourceClass",
    "/moves/*/targetClass",
    "/moves/*/because",
    "/moves/*/node",
    "/notes",
    "/stages/*/name",
    "/stages/*/steps/*/id",
    "/step/uid",
    "/step/volumeUid",
    "/step/claimRefBefore/uid",
    "/manifest/metadata/annotations",
    "/manifest/metadata/labels",
    "/manifest/spec",
    "/manifestBefore/metadata/annotations",
    "/manifestBefore/metadata/labels",
    "/manifestBefore/spec",
    "/step/policyBefore",
    // For people: which pods are over is looked at.
    "/step/pods/",
    "/step/policy/",
    "kubectl-stateful.dev~1slot",
];

/// Within what may otherwise be anything, what may not.
const BOUND: [&str; 9] =
    ["/volumeName", "/claimName", "/image", "/args/", "/mountPath", "/capabilities/", "/seccompProfile/", "/dev~1run", "/template/"];

fn is_free(pointer: &str) -> bool {
    let plain: Vec<&str> = pointer.split('/').map(|part| if part.parse::<u32>().is_ok() { "*" } else { part }).collect();
    let (starred, exact) = (plain.join("/"), pointer);
    let is_whole = |one: &str| one.strip_prefix('=').is_some_and(|whole| whole == exact);
    let fits = |one: &&str| is_whole(one) || exact.contains(*one) || starred.contains(*one) || starred.contains(&one.replace("/0/", "/*/"));
    FREE.iter().any(fits) && !BOUND.iter().any(fits)
}

#[test]
fn a_plan_that_names_anything_foreign_is_not_read() {
    let (mut counts, mut passed) = (BTreeMap::new(), Vec::new());
    for (name, whole) in documents() {
        let count: &mut u32 = counts.entry(whole["apiVersion"].to_string()).or_default();
        let mut pointers = Vec::new();
        strings(&whole, "", &mut pointers);
        for pointer in pointers.iter().filter(|pointer| !is_free(pointer)) {
            for foreign in ["foreign", "payments", "kube-system", "payments/data-pg-0", "../x", "pv-victim"] {
                let mut forged = whole.clone();
                let place = forged.pointer_mut(pointer).expect("it is there");
                if *place == foreign {
                    continue;
                }
                *place = json!(foreign);
                *count += 1;
                if file::read_record(&forged.to_string()).is_ok() {
                    passed.push(format!("{name}: {pointer} = {foreign}"));
                }
            }
        }
    }
    assert!(passed.is_empty(), "read all the same:\n{}", passed.join("\n"));
    assert!(counts.len() == 2 && counts.values().all(|count| *count > 2000), "{counts:?}");
}

proptest! {
    /// Steps of a plan for another namespace, put anywhere into one for this: alone, together, in place of a step or beside it.
    #[test]
    fn a_plan_with_steps_of_another_is_not_read(of in 0..11usize, from in 0..11usize, is_old: bool, picks in proptest::collection::vec((any::<Index>(), any::<Index>(), any::<bool>()), 1..4)) {
        let all: Vec<(String, Value)> = documents().into_iter().filter(|(_, one)| (one["apiVersion"] == OLD_VERSION) == is_old).collect();
        let mut whole = all[of].1.clone();
        let text = serde_json::to_string_pretty(&all[from].1).expect("JSON").replace("\"db\"", "\"payments\"").replace("\"db/", "\"payments/");
        let other: Value = serde_json::from_str(&text).expect("JSON");
        let all = |plan: &Value| -> Vec<Value> {
            plan["stages"].as_array().expect("stages").iter().flat_map(|stage| stage["steps"].as_array().expect("steps").clone()).collect()
        };
        // What names no namespace is the same in plans made by hand: volumes and claims, or slots alone.
        let foreign: Vec<Value> = all(&other).into_iter().filter(|step| step.to_string().contains("payments")).collect();
        for (number, (which, place, beside)) in picks.into_iter().enumerate() {
            let mut step = which.get(&foreign).clone();
            step["id"] = json!(format!("grafted:{number}"));
            let stages = whole["stages"].as_array_mut().expect("stages");
            let stage = place.index(stages.len());
            let steps = stages[stage]["steps"].as_array_mut().expect("steps");
            match beside {
                true => steps.push(step),
                false => steps[0] = step,
            }
        }
        prop_assert!(file::read(&whole.to_string()).is_err());
    }
}

/// The lint is of use only if what it lets pass is what was meant: the plans as they are.
#[test]
fn plans_as_they_are_made_are_read() {
    for (name, plan) in plans() {
        assert_eq!(file::read(&file::to_json(&plan)).as_ref().ok(), Some(&plan), "{name}");
    }
}

/// What would make a mover more than one, wherever it is put.
#[test]
fn a_mover_that_asks_for_more_is_not_made() {
    let more = [
        ("/spec", "hostNetwork", json!(true)),
        ("/spec", "hostPID", json!(true)),
        ("/spec", "serviceAccountName", json!("default")),
        ("/spec", "nodeName", json!("n1")),
        ("/spec", "initContainers", json!([{ "name": "x", "image": "y" }])),
        ("/spec", "ephemeralContainers", json!([{ "name": "x", "image": "y" }])),
        ("/spec", "shareProcessNamespace", json!(true)),
        ("/spec", "automountServiceAccountToken", json!(true)),
        ("/spec/containers/0", "command", json!(["sh"])),
        ("/spec/containers/0", "env", json!([{ "name": "X", "value": "y" }])),
        ("/spec/containers/0", "envFrom", json!([])),
        ("/spec/containers/0", "lifecycle", json!({})),
        ("/spec/containers/0/securityContext", "privileged", json!(true)),
        ("/spec/containers/0/securityContext", "procMount", json!("Unmasked")),
        ("/spec/containers/0/securityContext/capabilities", "add", json!(["SYS_ADMIN"])),
        ("/spec/containers/0/volumeMounts/0", "subPath", json!("x")),
        ("/spec/containers/0/volumeMounts/0", "mountPropagation", json!("Bidirectional")),
        ("/spec/volumes/0", "hostPath", json!({ "path": "/" })),
        ("/spec/volumes/1", "secret", json!({ "secretName": "x" })),
        ("/spec/volumes/2", "hostPath", json!({ "path": "/" })),
        ("/spec/securityContext", "sysctls", json!([])),
        ("/metadata", "ownerReferences", json!([])),
        ("/metadata", "finalizers", json!(["x/y"])),
        ("", "status", json!({})),
    ];
    let whole: Value = serde_json::from_str(&file::to_json(&plans()[0].1)).expect("JSON");
    let mut pointers = Vec::new();
    strings(&whole, "", &mut pointers);
    let manifests: Vec<String> = pointers
        .iter()
        .filter_map(|one| one.strip_suffix("/manifest/spec/containers/0/image").map(|one| format!("{one}/manifest")))
        .collect();
    assert!(!manifests.is_empty());
    for manifest in &manifests {
        for (place, key, value) in &more {
            let mut forged = whole.clone();
            forged.pointer_mut(&format!("{manifest}{place}")).expect("it is there")[*key] = value.clone();
            assert!(file::read(&forged.to_string()).is_err(), "{manifest}{place}/{key}");
        }
    }
}

/// Plans of earlier versions are read for ever, as what would be planned today, and keep their text, so that the digest that volumes bear stays
/// theirs.
#[test]
fn a_plan_of_an_earlier_version_is_what_would_be_planned_today_and_keeps_its_digest() {
    for ((name, text, digest), (_, today)) in OLD.into_iter().zip(plans()) {
        let plan = file::read_record(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(file::to_yaml(&plan), file::to_yaml(&today), "{name}");
        assert_eq!(plan, today, "{name}");
        assert_eq!((plan.text().as_ref(), plan.digest().as_str()), (text, digest), "{name}");
        // A file is written anew, whatever its spaces.
        let file = file::read(text).expect("it can be read");
        assert_eq!((file.text().as_ref(), file.digest()), (file::to_json(&today).as_str(), today.digest()), "{name}");
    }
}

/// So that no kind of step is left out of what is tried here.
#[test]
fn all_kinds_of_steps_are_in_these_plans() {
    for is_old in [false, true] {
        let all = documents().into_iter().filter(|(_, one)| (one["apiVersion"] == OLD_VERSION) == is_old);
        let does = |stage: &Value| -> Vec<String> {
            stage["steps"].as_array().expect("steps").iter().map(|step| step["step"]["does"].to_string()).collect()
        };
        let kinds: BTreeSet<String> =
            all.flat_map(|(_, plan)| plan["stages"].as_array().expect("stages").iter().flat_map(does).collect::<Vec<_>>()).collect();
        assert_eq!(kinds.len(), 24, "{kinds:?}");
    }
}

/// What a tenant may put into a config map is refused with words, whatever it is.
#[test]
fn a_record_that_only_calls_itself_version_1_is_refused() {
    let head = json!({ "apiVersion": OLD_VERSION, "kind": "Plan" });
    for (field, value) in [
        ("stages", json!([{ "steps": [0] }])),
        ("stages", json!([{ "steps": [{ "step": 0 }] }])),
        ("stages", json!({ "steps": {} })),
        ("moves", json!([0, "x", null])),
        ("moves", json!([{ "slot": "c0", "claim": "data" }])),
        ("app", json!(1)),
    ] {
        let mut plan = head.clone();
        plan[field] = value;
        assert!(file::read_record(&plan.to_string()).is_err() && file::read(&plan.to_string()).is_err(), "{plan}");
    }
    assert!(file::read_record("[]").is_err());
}

/// Of the first days of version 1, when steps said less again than later.
#[test]
fn an_early_plan_is_the_same_as_yaml_and_as_json() {
    let file = file::read(include_str!("fixtures/plan-v1-early.yaml")).expect("it can be read");
    let record = file::read_record(include_str!("fixtures/plan-v1-early.json")).expect("it can be read");
    assert_eq!(file, record);
    assert_eq!(record.digest(), "87bed5239bbaae2fad911241e351c4794c89522f48a841bee79616fc9d95ad7c");
}

/// Pointers to all objects of a document, but for raw ones that the cluster or a user gave.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    const RAW: [&str; 8] = ["manifest", "manifestBefore", "claimRef", "claimRefBefore", "labels", "labelsBefore", "policy", "policyBefore"];
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| objects(item, &format!("{at}/{index}"), found)),
        Value::Object(fields) => {
            found.push(at.to_owned());
            for (key, field) in fields.iter().filter(|(key, _)| !RAW.contains(&key.as_str())) {
                objects(field, &format!("{at}/{key}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A field that this version does not know may mean what must not be left out.
#[test]
fn a_plan_that_says_more_than_is_understood_is_not_read() {
    for (name, plan) in plans() {
        let whole: Value = serde_json::from_str(&file::to_json(&plan)).expect("JSON");
        let mut places = Vec::new();
        objects(&whole, "", &mut places);
        assert!(places.len() > 20, "{name}: {places:?}");
        for place in places {
            let mut more = whole.clone();
            more.pointer_mut(&place).expect("it is there")["newer"] = json!("payments");
            let read = file::read(&more.to_string());
            assert!(matches!(read, Err(Unreadable::Field(_))), "{name}: {place}: {read:?}");
        }
    }
}
