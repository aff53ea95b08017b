//! Nothing is deleted that would not go.

use serde_json::json;

use super::{hints, plan, refusals};
use crate::seen;

#[test]
fn a_set_that_its_deletion_would_hold_is_refused() {
    let mut survey = seen::set(2, &["data"]);
    survey.app.raw["metadata"]["finalizers"] = json!(["orphan", "example.org/hold"]);
    let expected =
        "statefulset/pg has the finalizer `example.org/hold`: it would be deleted only once the controller behind that lets it go";
    assert_eq!(refusals(&seen::request(), &survey), [expected]);
    let patch = r#"kubectl patch statefulset/pg -n db --type json --patch '[{"op":"test","path":"/metadata/finalizers/1","value":"example.org/hold"},{"op":"remove","path":"/metadata/finalizers/1"}]'"#;
    assert!(hints(&seen::request(), &survey)[0].contains(patch), "{:?}", hints(&seen::request(), &survey));
    let mut request = seen::request();
    request.skip_claims = vec!["data-pg-1".to_owned()];
    plan(&request, &survey);
}

#[test]
fn a_pod_that_its_deletion_would_hold_is_refused() {
    for mut survey in [seen::set(1, &["data"]), seen::deployment()] {
        survey.app.pods[0].finalizers = vec!["example.org/drain".to_owned()];
        let said = refusals(&seen::request(), &survey);
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("has the finalizer `example.org/drain`: it would go only once"), "{said:?}");
    }
    let mut survey = seen::bare_pod();
    survey.app.raw["metadata"]["finalizers"] = json!(["example.org/hold"]);
    assert!(refusals(&seen::request(), &survey)[0].starts_with("pod/job has the finalizer"), "{:?}", refusals(&seen::request(), &survey));
}

#[test]
fn a_dead_pod_that_would_stay_when_it_is_deleted_is_said_to() {
    let mut survey = seen::set(1, &["data"]);
    let mut dead = seen::evicted("backup-x", "n2", false);
    dead.finalizers = vec!["batch.kubernetes.io/job-tracking".to_owned()];
    survey.claims[0].mounted_by.push(dead);
    let hint = &hints(&seen::request(), &survey)[0];
    assert!(hint.ends_with("it goes once `batch.kubernetes.io/job-tracking` is taken off it"), "{hint}");
}

#[test]
fn what_kubernetes_itself_takes_off_is_no_reason() {
    let mut survey = seen::set(1, &["data"]);
    survey.claims[0].finalizers.push("snapshot.storage.kubernetes.io/pvc-as-source-protection".to_owned());
    survey.app.raw["metadata"]["finalizers"] = json!(["foregroundDeletion"]);
    plan(&seen::request(), &survey);
    let mut survey = seen::deployment();
    survey.app.raw["metadata"]["finalizers"] = json!(["example.org/hold"]);
    plan(&seen::request(), &survey);
}
