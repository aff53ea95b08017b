//! Everything that a move makes for a time has room in the namespace.

use kubectl_stateful::plan::{Destination, Step};
use kubectl_stateful::survey::{LimitSeen, QuotaSeen, Survey};
use serde_json::{Value, json};

use super::{plan, refusals};
use crate::seen;

/// A quota with so much left of a resource.
fn quota(resource: &str, left: u64, scopes: &[&str]) -> QuotaSeen {
    QuotaSeen {
        name: "tight".to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        hard: [(resource.to_owned(), 10 + left)].into_iter().collect(),
        used: [(resource.to_owned(), 10)].into_iter().collect(),
    }
}

fn with_quota(replicas: u32, quota: QuotaSeen) -> Survey {
    let mut survey = seen::set(replicas, &["data"]);
    survey.quotas = vec![quota];
    survey
}

#[test]
fn every_mover_counts() {
    assert_eq!(
        refusals(&seen::request(), &with_quota(3, quota("pods", 2, &[]))),
        ["quota `tight` leaves 2 of pods and the move needs 3 more for a time"]
    );
    plan(&seen::request(), &with_quota(3, quota("pods", 3, &[])));
    let mut request = seen::request();
    request.destination = Destination::StorageClass { name: "now".to_owned() };
    assert_eq!(
        refusals(&request, &with_quota(3, quota("count/pods", 5, &[]))),
        ["quota `tight` leaves 5 of count/pods and the move needs 6 more for a time"]
    );
    // Cold copies begin when the app's own pods are gone.
    let mut request = seen::request();
    request.cold = true;
    plan(&request, &with_quota(3, quota("pods", 0, &[])));
}

#[test]
fn what_movers_ask_for_counts() {
    let said = |resource: &str, left: u64| refusals(&seen::request(), &with_quota(1, quota(resource, left, &[]))).pop();
    assert_eq!(
        said("requests.cpu", 49).as_deref(),
        Some("quota `tight` leaves 49m of requests.cpu and the move needs 50m more for a time")
    );
    assert_eq!(said("requests.cpu", 50), None);
    assert_eq!(
        said("limits.memory", 256 << 20).as_deref(),
        Some("quota `tight` leaves 256Mi of limits.memory and the move needs 512Mi more for a time")
    );
}

#[test]
fn a_scope_that_does_not_hold_movers_does_not_count() {
    for (scope, refused) in
        [("Terminating", true), ("NotBestEffort", true), ("BestEffort", false), ("NotTerminating", false), ("PriorityClass", false)]
    {
        let survey = with_quota(1, quota("pods", 0, &[scope]));
        assert_eq!(!refusals(&seen::request(), &survey).is_empty(), refused, "{scope}");
    }
}

/// The second piece of a journal is made in the middle of an outage.
#[test]
fn records_count() {
    for (resource, left, refused) in
        [("configmaps", 3, true), ("count/configmaps", 3, true), ("configmaps", 9, false), ("count/leases.coordination.k8s.io", 0, true)]
    {
        let said = refusals(&seen::request(), &with_quota(1, quota(resource, left, &[])));
        assert_eq!(!said.is_empty(), refused, "{resource}: {said:?}");
    }
}

fn limit(resource: &str, limit: LimitSeen) -> Survey {
    let mut survey = seen::set(1, &["data"]);
    survey.limits =
        vec![LimitSeen { name: "range".to_owned(), applies_to: "Container".to_owned(), resource: resource.to_owned(), ..limit }];
    survey
}

/// What the mover asks for under a limit range.
fn asked(survey: &Survey) -> Value {
    let plan = plan(&seen::request(), survey);
    let resources = plan.steps().find_map(|(_, planned)| match &planned.step {
        Step::StartMover(start) => Some(start.manifest["spec"]["containers"][0]["resources"].clone()),
        _ => None,
    });
    resources.expect("a mover")
}

#[test]
fn a_limit_range_is_met() {
    let least = limit("cpu", LimitSeen { min: Some(100), ..LimitSeen::default() });
    assert_eq!(asked(&least)["requests"]["cpu"], "100m");
    let ratio = limit("cpu", LimitSeen { default: Some(500), max_ratio_thousandths: Some(2000), ..LimitSeen::default() });
    assert_eq!((&asked(&ratio)["requests"]["cpu"], &asked(&ratio)["limits"]["cpu"]), (&json!("250m"), &json!("500m")));
    let ratio = limit("memory", LimitSeen { max_ratio_thousandths: Some(1500), ..LimitSeen::default() });
    assert_eq!(asked(&ratio)["limits"]["memory"], "512Mi");
    let most = limit("memory", LimitSeen { max: Some(32 << 20), ..LimitSeen::default() });
    assert_eq!(refusals(&seen::request(), &most), ["limit range `range` allows at most 32Mi of memory, and a mover pod asks for 64Mi"]);
}
