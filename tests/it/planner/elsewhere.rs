//! Shapes of claims and pods that are ordinary on other clusters.

use kubectl_stateful::plan::{Plan, Request, Step};
use kubectl_stateful::planner::going_back;
use serde_json::{Value, json};

use super::{plan, refusals, volume, way_back};
use crate::seen;

/// The manifest of the first step that is wanted.
fn manifest(plan: &Plan, wanted: impl Fn(&Step) -> Option<Value>) -> Value {
    plan.steps().find_map(|(_, planned)| wanted(&planned.step)).expect("there is such a step")
}

/// The claim as it is made again on the way back within a run.
fn released(plan: &Plan) -> Value {
    manifest(plan, |step| if let Step::ReleaseClaim(step) = step { Some(step.manifest_before.clone()) } else { None })
}

fn adopted(plan: &Plan) -> Value {
    manifest(plan, |step| if let Step::AdoptClaim(step) = step { Some(step.manifest.clone()) } else { None })
}

/// The default class may be newer than a claim: whatever names the class now, the claim must not come back with another one.
#[test]
fn a_claim_comes_back_with_the_class_it_had() {
    for (class, annotation) in [(Some("slow"), Some("slow")), (None, None)] {
        let mut survey = seen::set(1, &["data"]);
        let claim = &mut survey.claims[0];
        claim.class = class.map(str::to_owned);
        claim.raw["spec"].as_object_mut().expect("a spec").remove("storageClassName");
        if let Some(annotation) = annotation {
            claim.raw["metadata"]["annotations"]["volume.beta.kubernetes.io/storage-class"] = json!(annotation);
        }
        let plan = plan(&seen::request(), &survey);
        assert_eq!(released(&plan)["spec"]["storageClassName"], class.unwrap_or_default());
        assert_eq!(adopted(&plan)["spec"]["storageClassName"], "fast");
    }
    let (mut request, survey) = way_back(false);
    if let kubectl_stateful::plan::Destination::KeptVolumes { volumes, .. } = &mut request.destination {
        volumes[0].class = None;
    }
    let mut survey = survey;
    survey.kept[0].class = None;
    assert_eq!(adopted(&plan(&request, &survey))["spec"]["storageClassName"], "");
}

/// The next scale-up would wait without end for a volume that the new class cannot make.
#[test]
fn a_claim_template_drops_what_its_new_class_does_not_know() {
    let mut survey = seen::set(1, &["data"]);
    let spec = &mut survey.app.raw["spec"]["volumeClaimTemplates"][0]["spec"];
    spec["selector"] = json!({ "matchLabels": { "a": "b" } });
    spec["dataSource"] = json!({ "kind": "VolumeSnapshot", "name": "seed" });
    spec["volumeAttributesClassName"] = json!("gold");
    survey.claims[0].raw["spec"]["volumeAttributesClassName"] = json!("gold");
    let plan = plan(&seen::request(), &survey);
    let set = manifest(&plan, |step| if let Step::RestoreSet(step) = step { Some(step.manifest.clone()) } else { None });
    let made = &set["spec"]["volumeClaimTemplates"][0]["spec"];
    let expected = json!({ "storageClassName": "fast", "accessModes": ["ReadWriteOnce"], "anotherNewField": true });
    assert_eq!(*made, expected);
    let before = manifest(&plan, |step| if let Step::RemoveSet(step) = step { Some(step.manifest_before.clone()) } else { None });
    assert_eq!(
        before["spec"]["volumeClaimTemplates"][0]["spec"]["volumeAttributesClassName"], "gold",
        "the way back within the run has it"
    );
    for note in [
        "claim template data names dataSource, selector, volumeAttributesClassName, which its new class does not know: dropped",
        "claim data-pg-0 names volumeAttributesClassName, which its new class does not know: dropped",
    ] {
        assert!(plan.notes.iter().any(|one| one == note), "{:?}", plan.notes);
    }
}

#[test]
fn a_folder_of_one_node_is_moved_like_a_local_volume() {
    let mut survey = seen::set(1, &["data"]);
    volume(&mut survey).source = "hostPath".to_owned();
    volume(&mut survey).driver = None;
    let on = |node: &str| {
        let key = "kubernetes.io/hostname";
        json!({ "required": { "nodeSelectorTerms": [{ "matchExpressions": [{ "key": key, "operator": "In", "values": [node] }] }] } })
    };
    volume(&mut survey).node_affinity = Some(on("n1"));
    assert!(!plan(&seen::request(), &survey).moves[0].over_network);
    volume(&mut survey).node_affinity = None;
    assert_eq!(refusals(&seen::request(), &survey).len(), 1);
    survey.nodes.truncate(1);
    plan(&seen::request(), &survey);
}

#[test]
fn movers_run_as_the_container_that_mounts_the_claim() {
    let mut survey = seen::set(1, &["data"]);
    survey.namespace.pod_security = Some("restricted".to_owned());
    survey.app.raw["spec"]["template"]["spec"] = json!({ "containers": [
        { "name": "exporter", "securityContext": { "runAsUser": 65534 } },
        { "name": "db", "securityContext": { "runAsUser": 999 }, "volumeMounts": [{ "name": "data", "mountPath": "/data" }] },
    ] });
    assert!(plan(&seen::request(), &survey).notes.iter().any(|note| note.contains("as user 999")));
    survey.app.raw["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = json!([{ "name": "data", "mountPath": "/data" }]);
    assert_eq!(refusals(&seen::request(), &survey).len(), 1, "two that write");
}

/// An export may squash root: the app reads what root may not.
#[test]
fn movers_run_as_the_app_where_the_user_asks_for_it() {
    let mut survey = seen::set(1, &["data"]);
    let request = Request { run_movers_as_app: true, ..seen::request() };
    assert!(refusals(&request, &survey)[0].starts_with("the mover pods cannot run as the app"), "nothing says as whom it runs");
    survey.app.raw["spec"]["template"]["spec"] = json!({ "securityContext": { "runAsUser": 999 }, "containers": [{ "name": "db" }] });
    let made = plan(&request, &survey);
    assert!(made.notes.iter().any(|note| note.contains("as user 999")), "{:?}", made.notes);
    let context =
        manifest(
            &made,
            |step| if let Step::StartMover(step) = step { Some(step.manifest["spec"]["securityContext"].clone()) } else { None },
        );
    assert_eq!(context["runAsUser"], 999);
    let as_root = plan(&seen::request(), &survey);
    assert!(as_root.notes.iter().any(|note| note.contains("as root")), "{:?}", as_root.notes);
    assert!(
        going_back::request(&made, Vec::new(), made.run().clone(), String::new(), false).run_movers_as_app,
        "the way back writes to the export"
    );
}

/// The reclaim policy of the new volume in the end.
fn settled(plan: &Plan) -> Value {
    manifest(plan, |step| if let Step::SettleTarget(step) = step { Some(json!(step.policy)) } else { None })
}

#[test]
fn a_volume_that_was_kept_by_hand_stays_kept() {
    let mut survey = seen::set(1, &["data"]);
    assert_eq!(settled(&plan(&seen::request(), &survey)), "Delete");
    volume(&mut survey).reclaim_policy = "Retain".to_owned();
    let made = plan(&seen::request(), &survey);
    assert_eq!(settled(&made), "Retain");
    let expected = "volume pv-data-pg-0 of claim data-pg-0 is on Retain, which its class does not say: the new volume is set to Retain too";
    assert!(made.notes.iter().any(|note| note == expected), "{:?}", made.notes);
    // Where the class says so it is the new class that decides.
    survey.classes.iter_mut().filter(|class| class.name == "slow").for_each(|class| class.reclaim_policy = "Retain".to_owned());
    let made = plan(&seen::request(), &survey);
    assert_eq!(settled(&made), "Delete");
    let expected = "class slow keeps the volume when claim data-pg-0 is deleted (Retain); class fast deletes it";
    assert!(made.notes.iter().any(|note| note == expected), "{:?}", made.notes);
}
