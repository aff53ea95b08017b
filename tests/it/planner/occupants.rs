//! Whoever else names a claim that is to be moved is seen before anything is stopped.

use kubectl_stateful::survey::TemplateSeen;
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

#[test]
fn a_template_of_somebody_else_that_names_a_claim_is_refused_or_said() {
    let named = |kind: &str, starts_pods: bool| {
        let mut survey = seen::set(1, &["data"]);
        let (kind, name) = (kind.to_owned(), "other".to_owned());
        survey.templates = vec![TemplateSeen { kind, name, claims: vec!["data-pg-0".to_owned()], starts_pods }];
        survey
    };
    for (kind, command) in [
        ("CronJob", r#"`kubectl patch cronjob other -n db --patch '{"spec":{"suspend":true}}'`"#),
        ("Deployment", "`kubectl scale deployment/other -n db --replicas 0`"),
        ("DaemonSet", "`kubectl get daemonset other -n db -o yaml`"),
    ] {
        let expected = format!("{kind} `other` names claim `data-pg-0` in its template, and may start a pod on it at any time");
        assert_eq!(refusals(&seen::request(), &named(kind, true)), [expected]);
        let hint = &hints(&seen::request(), &named(kind, true))[0];
        assert!(hint.contains(command), "{hint}");
    }
    let notes = plan(&seen::request(), &named("CronJob", false)).notes;
    let expected = "CronJob other names claim data-pg-0 and starts no pod now: leave it so until the move is over";
    assert!(notes.iter().any(|note| note == expected), "{notes:?}");
}
