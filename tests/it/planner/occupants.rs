//! Whoever else names a claim that is to be moved is seen before anything is stopped.

use serde_json::json;

use super::{hints, plan, refusals};
use crate::seen;

#[test]
fn a_mover_goes_where_the_app_runs_and_not_where_a_dead_pod_was() {
    let mut survey = seen::deployment();
    survey.claims[0].mounted_by.insert(0, seen::evicted("web-0", "n2", true));
    let mut stopping = seen::mount("web-2", "n2", true);
    stopping.terminating = true;
    survey.claims[0].mounted_by.insert(0, stopping);
    assert_eq!(plan(&seen::request(), &survey).moves[0].node.as_deref(), Some("n1"));
    let dead: Vec<(&str, &str)> = survey.claims[0].dead_pods_of_app().map(|pod| (pod.pod.as_str(), pod.uid.as_str())).collect();
    assert_eq!(dead, [("web-0", "uid-web-0")]);
}

#[test]
fn somebody_elses_pod_that_is_over_is_named_with_the_command_that_removes_it() {
    let mut survey = seen::set(1, &["data"]);
    survey.claims[0].mounted_by.push(seen::evicted("backup-x", "n2", false));
    let expected = "pod `backup-x`, which is over (Evicted) and not part of statefulset/pg, still names claim `data-pg-0`: the claim could not be deleted";
    assert_eq!(refusals(&seen::request(), &survey), [expected]);
    let hint = &hints(&seen::request(), &survey)[0];
    assert!(hint.ends_with("`kubectl delete pod backup-x -n db`"), "{hint}");
    let pod = &mut survey.claims[0].mounted_by[1];
    (pod.phase, pod.reason) = ("Succeeded".to_owned(), None);
    assert!(refusals(&seen::request(), &survey)[0].contains("(Succeeded)"));
    survey.claims[0].mounted_by[1].node = None;
    assert_eq!(refusals(&seen::request(), &survey), [""; 0], "a pod that was never placed holds no claim");
}

#[test]
fn a_pod_that_has_run_to_its_end_is_not_run_again() {
    for (phase, reason, why) in [("Succeeded", None, "Succeeded"), ("Failed", Some("Evicted"), "Evicted")] {
        let mut survey = seen::bare_pod();
        survey.app.raw["status"] = json!({ "phase": phase, "reason": reason });
        survey.app.pods[0].phase = phase.to_owned();
        let expected = format!("pod `job` is over ({why}): a move makes it again, and it would run a second time");
        assert_eq!(refusals(&seen::request(), &survey), [expected]);
        let hint = &hints(&seen::request(), &survey)[0];
        assert!(hint.contains("`kubectl delete pod job -n db`, and then move by itself"), "{hint}");
        assert!(hint.ends_with("`kubectl stateful plan pvc/papers -n db`"), "{hint}");
    }
}

/// Whoever moves the claim by itself is told about the finished pod, and can go on once that is gone.
#[test]
fn a_claim_that_only_a_finished_pod_holds_has_a_way() {
    let mut survey = seen::unattached();
    survey.claims[0].mounted_by.push(seen::evicted("job", "n1", false));
    let hint = &hints(&seen::request(), &survey)[0];
    assert!(hint.ends_with("`kubectl delete pod job -n db`"), "{hint}");
    survey.claims[0].mounted_by.clear();
    plan(&seen::request(), &survey);
}
