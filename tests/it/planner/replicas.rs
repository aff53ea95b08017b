//! What does not run before the move is not expected to run after it.

use kubectl_stateful::survey::PodSeen;
use serde_json::json;

use super::{hints, plan, refusals, way_back};
use crate::seen;

#[test]
fn an_ordered_set_with_a_replica_that_is_not_ready_is_refused() {
    let mut survey = seen::set(3, &["data"]);
    survey.app.pods[0].ready = false;
    survey.app.pods.remove(2);
    let expected = "statefulset/pg is not ready: pod pg-0 (runs and is not ready), pod pg-2 (is not there); what the move breaks could not be told from what was broken before. Replicas that run now might not come back";
    assert_eq!(refusals(&seen::request(), &survey), [expected]);
    assert!(hints(&seen::request(), &survey)[0].ends_with("`kubectl scale statefulset/pg -n db --replicas 0`"));
}

#[test]
fn a_pod_that_is_over_or_being_stopped_is_no_ready_replica() {
    let ready = seen::set(1, &["data"]).app.pods[0].clone();
    let going = PodSeen { terminating: true, ..ready.clone() };
    let failed = PodSeen { phase: "Failed".to_owned(), ..ready.clone() };
    let pending = PodSeen { phase: "Pending".to_owned(), ready: false, ..ready };
    for (pod, said) in [(going, "(is being deleted)"), (failed, "(Failed)"), (pending, "(Pending)")] {
        let mut survey = seen::set(1, &["data"]);
        survey.app.pods[0] = pod;
        let refused = refusals(&seen::request(), &survey);
        assert!(refused.len() == 1 && refused[0].contains(said), "{refused:?}");
    }
}

#[test]
fn ordinals_may_start_anywhere() {
    let mut survey = seen::set(2, &["data"]);
    survey.app.first_ordinal = 1;
    assert!(refusals(&seen::request(), &survey)[0].contains("not ready: pod pg-2 (is not there);"), "pg-1 is there and ready");
}

#[test]
fn any_app_of_which_a_part_is_down_is_refused() {
    let mut parallel = seen::set(2, &["data"]);
    parallel.app.raw["spec"]["podManagementPolicy"] = json!("Parallel");
    let (mut deployment, mut pod) = (seen::deployment(), seen::bare_pod());
    for (survey, said) in [
        (&mut parallel, "statefulset/pg is not ready: pod pg-0 (runs and is not ready);"),
        (&mut deployment, "deployment/web is not ready: 1 of 1 pods;"),
        (&mut pod, "pod/job is not ready: pod job (runs and is not ready);"),
    ] {
        plan(&seen::request(), survey);
        survey.app.pods[0].ready = false;
        assert!(refusals(&seen::request(), survey)[0].starts_with(said), "{said}");
    }
}

#[test]
fn an_app_at_zero_replicas_needs_no_pod() {
    let mut survey = seen::set(1, &["data"]);
    survey.app.pods.clear();
    survey.app.replicas = 0;
    assert!(!plan(&seen::request(), &survey).notes.iter().any(|note| note.contains("not ready")));
}

/// An app that does not start on its new volumes is what people go back for.
#[test]
fn the_way_back_is_never_refused_for_replicas_that_are_not_ready() {
    let (request, mut survey) = way_back(false);
    survey.app.pods[0].ready = false;
    assert!(plan(&request, &survey).notes.iter().any(|note| note.contains("not ready now: pod pg-0 (runs and is not ready)")));
}
