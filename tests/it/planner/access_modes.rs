//! New claims may ask for other access modes, forward and back.

use kubectl_stateful::plan::{Destination, Plan, Step};
use serde_json::{Value, json};

use super::{hints, plan, refusals, way_back};
use crate::seen;

/// The access modes of everything that a plan makes: staging claims, claims, and the first claim template.
fn made(plan: &Plan) -> Vec<Value> {
    let made = plan.steps().filter_map(|(_, planned)| match &planned.step {
        Step::ReserveTarget(step) => Some(step.manifest["spec"]["accessModes"].clone()),
        Step::AdoptClaim(step) => Some(step.manifest["spec"]["accessModes"].clone()),
        Step::RestoreSet(step) => Some(step.manifest["spec"]["volumeClaimTemplates"][0]["spec"]["accessModes"].clone()),
        _ => None,
    });
    made.collect()
}

#[test]
fn other_modes_go_into_claims_and_templates() {
    let mut request = seen::request();
    request.access_modes = vec!["ReadWriteOncePod".to_owned()];
    let plan = plan(&request, &seen::set(1, &["data"]));
    assert_eq!(made(&plan), vec![json!(["ReadWriteOncePod"]); 3]);
}

#[test]
fn the_way_back_has_the_modes_of_before() {
    let (mut request, mut survey) = way_back(false);
    if let Destination::KeptVolumes { volumes, .. } = &mut request.destination {
        volumes[0].access_modes = vec!["ReadWriteMany".to_owned()];
    }
    survey.app.raw["spec"]["volumeClaimTemplates"][0]["spec"]["accessModes"] = json!(["ReadWriteOnce"]);
    assert_eq!(made(&plan(&request, &survey)), vec![json!(["ReadWriteMany"]); 3]);
}

#[test]
fn replicas_that_share_a_claim_keep_what_they_need() {
    let mut survey = seen::deployment();
    survey.app.replicas = 2;
    survey.app.pods.push(survey.app.pods[0].clone());
    survey.claims[0].access_modes = vec!["ReadWriteMany".to_owned()];
    let mut request = seen::request();
    plan(&request, &survey);
    request.access_modes = vec!["ReadWriteOnce".to_owned()];
    let expected =
        "claim `papers` is shared by the 2 replicas of deployment/web: with access mode ReadWriteOnce they cannot run on several nodes";
    assert_eq!(refusals(&request, &survey), [expected]);
    assert!(hints(&request, &survey)[0].contains("`kubectl scale deployment/web -n db --replicas 1`"));
    survey.app.replicas = 1;
    survey.app.pods.pop();
    assert_eq!(made(&plan(&request, &survey)), vec![json!(["ReadWriteOnce"]); 2]);
}

#[test]
fn a_claim_that_asks_for_more_than_is_used_is_told_of_less() {
    let mut survey = seen::deployment();
    survey.claims[0].access_modes = vec!["ReadWriteMany".to_owned()];
    let notes = plan(&seen::request(), &survey).notes;
    let expected = "claim papers asks for ReadWriteMany, and one pod uses it: if class fast has no such volumes, `--access-mode ReadWriteOnce` asks for less";
    assert!(notes.iter().any(|note| note == expected), "{notes:?}");
}
