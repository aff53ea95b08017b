//! The lint against authors: a plan that names anything foreign, anywhere, is not read. Every string of every kind of plan is exchanged, one
//! at a time; what may be anything is listed here, and is nothing that says what a step reaches.

use kubectl_stateful::plan::file;
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
    vec![
        ("set", plan(&seen::request(), &seen::set(2, &["data", "wal"]))),
        ("deployment", plan(&seen::request(), &seen::deployment())),
        ("unattached", plan(&seen::request(), &seen::unattached())),
        ("retention", plan(&seen::request(), &retention)),
        ("network", plan(&network, &seen::set(1, &["data"]))),
        ("size", plan(&sized, &seen::set(1, &["data"]))),
        ("back", crate::planner::back(false)),
        ("back, discarding", crate::planner::back(true)),
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

/// Strings that may be anything: words for people, uids and classes (which steps compare with what they find), what claims of the app are
/// like, and where a mover may run.
const FREE: [&str; 31] = [
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
    "/step/policy/",
    "kubectl-stateful.dev~1slot",
];

/// Within what may otherwise be anything, what may not.
const BOUND: [&str; 9] =
    ["/volumeName", "/claimName", "/image", "/args/", "/mountPath", "/capabilities/", "/seccompProfile/", "/dev~1run", "/template/"];

fn is_free(pointer: &str) -> bool {
    let plain: Vec<&str> = pointer.split('/').map(|part| if part.parse::<u32>().is_ok() { "*" } else { part }).collect();
    let (starred, exact) = (plain.join("/"), pointer);
    let fits = |one: &&str| exact.contains(*one) || starred.contains(*one) || starred.contains(&one.replace("/0/", "/*/"));
    FREE.iter().any(fits) && !BOUND.iter().any(fits)
}

#[test]
fn a_plan_that_names_anything_foreign_is_not_read() {
    let (mut count, mut passed) = (0, Vec::new());
    for (name, plan) in plans() {
        let whole: Value = serde_json::from_str(&file::to_json(&plan)).expect("JSON");
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
                count += 1;
                if file::read(&forged.to_string()).is_ok() {
                    passed.push(format!("{name}: {pointer} = {foreign}"));
                }
            }
        }
    }
    assert!(passed.is_empty(), "read all the same:\n{}", passed.join("\n"));
    assert!(count > 2000, "{count}");
}

proptest! {
    /// Steps of a plan for another namespace, put anywhere into one for this: alone, together, in place of a step or beside it.
    #[test]
    fn a_plan_with_steps_of_another_is_not_read(of in 0..8usize, from in 0..8usize, picks in proptest::collection::vec((any::<Index>(), any::<Index>(), any::<bool>()), 1..4)) {
        let plans = plans();
        let mut whole: Value = serde_json::from_str(&file::to_json(&plans[of].1)).expect("JSON");
        let text = file::to_json(&plans[from].1).replace("\"db\"", "\"payments\"").replace("\"db/", "\"payments/");
        let other: Value = serde_json::from_str(&text).expect("JSON");
        let all = |plan: &Value| -> Vec<Value> {
            plan["stages"].as_array().expect("stages").iter().flat_map(|stage| stage["steps"].as_array().expect("steps").clone()).collect()
        };
        // Steps that name no namespace name volumes and claims, which are the same in plans made by hand.
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

/// Plans of earlier versions are read for ever, and come out as they went in, so that the digest that volumes bear stays theirs.
#[test]
fn a_plan_of_an_earlier_version_is_read_and_keeps_its_digest() {
    let text = include_str!("fixtures/plan-v1-set.yaml");
    let plan = file::read(text).expect("it can be read");
    assert_eq!(file::to_yaml(&plan).trim_end(), text.trim_end());
    assert_eq!(plan.digest(), "87bed5239bbaae2fad911241e351c4794c89522f48a841bee79616fc9d95ad7c");
}
