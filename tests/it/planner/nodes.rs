//! Movers and volumes are only planned where they can be.

use kubectl_stateful::plan::Destination;
use serde_json::{Value, json};

use super::{hints, plan, refusals};
use crate::seen;

#[test]
fn a_node_that_takes_no_new_pods_is_refused() {
    let mut survey = seen::set(2, &["data"]);
    survey.nodes[0].unschedulable = true;
    // Once for each replica on it.
    let expected = |claim: &str| {
        format!(
            "node `n1` takes no new pods (it is cordoned), and the app uses claim `{claim}` there: a stopped pod could not come back to it"
        )
    };
    assert_eq!(refusals(&seen::request(), &survey), [expected("data-pg-0"), expected("data-pg-1")]);
    assert!(hints(&seen::request(), &survey)[0].contains("`kubectl uncordon n1`"));
    survey.nodes[0].unschedulable = false;
    survey.nodes[0].ready = false;
    assert!(refusals(&seen::request(), &survey)[0].contains("(it is not ready)"));
    survey.nodes[0].ready = true;
    survey.nodes[1].unschedulable = true;
    plan(&seen::request(), &survey);
}

#[test]
fn taints_that_the_app_does_not_tolerate_are_refused() {
    let tainted = |tolerations: Value, effect: &str| {
        let mut survey = seen::set(1, &["data"]);
        survey.app.raw["spec"]["template"]["spec"]["tolerations"] = tolerations;
        survey.nodes[0].taints = vec![json!({ "key": "db", "value": "a", "effect": effect })];
        refusals(&seen::request(), &survey).pop()
    };
    let said = tainted(json!([]), "NoSchedule").expect("refused");
    assert!(said.contains("takes no new pods (the app's pods do not tolerate its taint `db`)"), "{said}");
    assert!(tainted(json!([{ "key": "db", "value": "b" }]), "NoExecute").is_some());
    assert!(tainted(json!([{ "key": "db", "operator": "Exists", "effect": "NoExecute" }]), "NoSchedule").is_some());
    for tolerations in [
        json!([{ "key": "db", "value": "a" }]),
        json!([{ "operator": "Exists" }]),
        json!([{ "key": "db", "operator": "Exists", "effect": "NoSchedule" }]),
    ] {
        assert_eq!(tainted(tolerations, "NoSchedule"), None);
    }
    assert_eq!(tainted(json!([]), "PreferNoSchedule"), None);
}

#[test]
fn a_cordon_that_the_app_tolerates_is_no_reason() {
    let mut survey = seen::set(1, &["data"]);
    survey.nodes[0].unschedulable = true;
    survey.app.raw["spec"]["template"]["spec"]["tolerations"] =
        json!([{ "key": "node.kubernetes.io/unschedulable", "operator": "Exists" }]);
    plan(&seen::request(), &survey);
}

/// Each replica has a claim that is moved and one that stays in its zone.
#[test]
fn a_claim_that_stays_must_be_reached_together_with_the_new_volume() {
    let mut survey = seen::set(1, &["data", "wal"]);
    for (node, zone) in survey.nodes.iter_mut().zip(["a", "b"]) {
        node.labels.insert("zone".to_owned(), zone.to_owned());
    }
    let wal = survey.claims.iter_mut().find(|claim| claim.name == "wal-pg-0").expect("a claim");
    wal.volume.as_mut().expect("a volume").node_affinity = Some(
        json!({ "required": { "nodeSelectorTerms": [{ "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["a"] }] }] } }),
    );
    let mut request = seen::request();
    request.only_claims = vec!["data-pg-0".to_owned()];
    plan(&request, &survey);
    request.destination = Destination::StorageClass { name: "now".to_owned() };
    let expected = "claim `wal-pg-0` stays where it is, and storage class `now` may make the new volume of claim `data-pg-0` where no node reaches both";
    assert_eq!(refusals(&request, &survey), [expected]);
    let now = survey.classes.iter_mut().find(|class| class.name == "now").expect("a class");
    now.allowed_topologies = Some(json!([{ "matchLabelExpressions": [{ "key": "zone", "values": ["a"] }] }]));
    for node in &mut survey.nodes {
        node.drivers.insert("now.csi".to_owned(), Vec::new());
    }
    plan(&request, &survey);
    request.only_claims.clear();
    survey.classes[1].allowed_topologies = None;
    plan(&request, &survey);
}
