//! A volume that does not fit is not asked for.

use kubectl_stateful::plan::Destination;
use kubectl_stateful::survey::{CapacitySeen, DriverSeen, Survey};

use super::{plan, refusals};
use crate::seen;

/// A set of one replica on `n1`, whose claim has 2Gi; the driver has so much left for each node.
fn left(nodes: &[(&str, u64)]) -> Survey {
    let mut survey = seen::set(1, &["data"]);
    let driver = DriverSeen { name: "fast.csi".to_owned(), attach_required: true, tells_capacity: true, fs_group_policy: String::new() };
    survey.drivers = vec![driver];
    let capacity = |(node, gib): &(&str, u64)| CapacitySeen {
        class: "fast".to_owned(),
        nodes: vec![(*node).to_owned()],
        bytes: Some(gib << 30),
        volume_bytes_max: None,
    };
    survey.capacities = nodes.iter().map(capacity).collect();
    survey
}

#[test]
fn a_node_whose_driver_is_full_is_refused() {
    let expected = "claim `data-pg-0` needs a volume of 2Gi of storage class `fast`, and its driver has no room for that on node `n1`";
    assert_eq!(refusals(&seen::request(), &left(&[("n1", 1), ("n2", 9)])), [expected]);
    assert_eq!(refusals(&seen::request(), &left(&[])), [expected], "what it does not tell it does not have");
    plan(&seen::request(), &left(&[("n1", 2)]));
    let mut request = seen::request();
    request.size_bytes = Some(3 << 30);
    assert_eq!(refusals(&request, &left(&[("n1", 2)])).len(), 1);
}

#[test]
fn an_app_that_does_not_run_may_go_where_there_is_room() {
    let stopped = |nodes: &[(&str, u64)]| {
        let mut survey = left(nodes);
        (survey.app.replicas, survey.claims[0].mounted_by) = (0, Vec::new());
        survey.app.pods.clear();
        survey
    };
    plan(&seen::request(), &stopped(&[("n1", 1), ("n2", 9)]));
    assert!(refusals(&seen::request(), &stopped(&[("n1", 1)]))[0].ends_with("and its driver has no room for that on any node"));
}

#[test]
fn where_the_scheduler_does_not_go_by_it_nothing_is_refused() {
    let mut survey = left(&[]);
    survey.drivers[0].tells_capacity = false;
    plan(&seen::request(), &survey);
    let mut request = seen::request();
    request.destination = Destination::StorageClass { name: "now".to_owned() };
    plan(&request, &left(&[]));
}
