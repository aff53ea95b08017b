//! A move does not finish somebody's rollout.

use kubectl_stateful::survey::Survey;
use serde_json::{Value, json};

use super::{hints, plan, refusals, way_back};
use crate::seen;

/// A set of two of which the second runs the newest revision `b` and the first still `a`.
fn halfway(strategy: Value) -> Survey {
    let mut survey = seen::set(2, &["data"]);
    hold_back(&mut survey, strategy);
    survey
}

fn hold_back(survey: &mut Survey, strategy: Value) {
    survey.app.raw["spec"]["updateStrategy"] = strategy;
    survey.app.raw["status"] = json!({ "currentRevision": "pg-a", "updateRevision": "pg-b" });
    for (pod, revision) in survey.app.pods.iter_mut().zip(["pg-a", "pg-b"]) {
        pod.revision = Some(revision.to_owned());
    }
}

#[test]
fn a_canary_held_back_by_a_partition_is_refused() {
    let survey = halfway(json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 1 } }));
    let expected = "statefulset/pg is in the middle of a rollout, which its partition holds back: pod pg-0 runs revision pg-a, the template is revision pg-b; after the move all pods would run the newest template";
    assert_eq!(refusals(&seen::request(), &survey), [expected]);
    let hint = &hints(&seen::request(), &survey)[0];
    assert!(
        hint.contains(r#"kubectl patch statefulset/pg -n db --patch '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}'"#),
        "{hint}"
    );
    assert!(hint.ends_with("`kubectl rollout undo statefulset/pg -n db`"), "{hint}");
}

#[test]
fn a_template_that_no_pod_runs_yet_is_refused_too() {
    let mut survey = halfway(json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 2 } }));
    survey.app.pods[1].revision = Some("pg-a".to_owned());
    assert_eq!(refusals(&seen::request(), &survey).len(), 1);
}

#[test]
fn a_rollout_that_is_under_way_is_refused() {
    let survey = halfway(json!({ "type": "RollingUpdate" }));
    assert!(refusals(&seen::request(), &survey)[0].starts_with("statefulset/pg is in the middle of a rollout: pod pg-0"));
    assert!(hints(&seen::request(), &survey)[0].contains("`kubectl rollout status statefulset/pg -n db`"));
}

#[test]
fn a_deployment_in_a_rollout_or_paused_in_one_is_refused() {
    let mut survey = seen::deployment();
    survey.app.raw["spec"]["paused"] = json!(true);
    survey.app.raw["status"] = json!({ "replicas": 1, "updatedReplicas": 1 });
    plan(&seen::request(), &survey);
    // The server leaves out a count of zero.
    survey.app.raw["status"] = json!({ "replicas": 1 });
    let expected = "deployment/web is in the middle of a rollout, which is paused: 1 of 1 pods run an earlier template; after the move all pods would run the newest template";
    assert_eq!(refusals(&seen::request(), &survey), [expected]);
    assert!(hints(&seen::request(), &survey)[0].contains("`kubectl rollout resume deployment/web -n db`"));
    survey.app.raw["spec"]["paused"] = json!(false);
    assert!(refusals(&seen::request(), &survey)[0].starts_with("deployment/web is in the middle of a rollout: 1 of 1"));
}

#[test]
fn a_template_that_waits_for_pods_to_be_deleted_is_said() {
    let survey = halfway(json!({ "type": "OnDelete" }));
    let notes = plan(&seen::request(), &survey).notes;
    let expected = "statefulset/pg has the update strategy OnDelete, and pod pg-0 runs an earlier template: the move restarts every pod, with the newest template (pg-b)";
    assert!(notes.iter().any(|note| note == expected), "{notes:?}");
}

#[test]
fn a_finished_rollout_is_no_reason_whatever_the_partition() {
    let mut survey = halfway(json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 1 } }));
    survey.app.pods[0].revision = Some("pg-b".to_owned());
    plan(&seen::request(), &survey);
    // With no pod there is nothing held back: the controller itself takes the rollout for finished.
    let mut survey = halfway(json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 1 } }));
    survey.app.pods.clear();
    survey.app.replicas = 0;
    plan(&seen::request(), &survey);
}

#[test]
fn the_way_back_is_never_refused_for_a_rollout() {
    let (request, mut survey) = way_back(false);
    hold_back(&mut survey, json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 1 } }));
    let notes = plan(&request, &survey).notes;
    assert!(notes.iter().any(|note| note.contains("in the middle of a rollout")), "{notes:?}");
}
