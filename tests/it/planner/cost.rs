//! What a plan says of the outage holds.

use kubectl_stateful::plan::{OutageCost, Request};
use kubectl_stateful::survey::Survey;
use kubectl_stateful::words;
use serde_json::json;

use super::{plan, volume, way_back};
use crate::seen;

/// Whether the outage grows with the first claim's volume, and what is said of it.
fn told(request: &Request, survey: &Survey) -> (OutageCost, String) {
    let plan = plan(request, survey);
    let text = words::plan_text(&plan, survey).as_str().to_owned();
    let said = text.split("Expected outage: ").nth(1).expect("it says so").split("\n\n").next().unwrap_or_default().to_owned();
    (plan.moves[0].outage, said)
}

fn cost(spoil: impl Fn(&mut Survey)) -> OutageCost {
    let mut survey = seen::set(1, &["data"]);
    spoil(&mut survey);
    told(&seen::request(), &survey).0
}

#[test]
fn a_block_device_is_read_whole_and_said_to_be() {
    let mut survey = seen::set(1, &["data"]);
    survey.claims[0].block = true;
    survey.claims[0].capacity_bytes = 1 << 40;
    survey.claims[0].used_bytes = Some(1 << 20);
    let (cost, said) = told(&seen::request(), &survey);
    assert_eq!(cost, OutageCost::Whole);
    assert!(said.contains("about 10486 s, if 1Ti are read at 100 MiB/s while the app is stopped"), "{said}");
    assert!(said.contains("data-pg-0: 1Ti, a block device is read whole in each pass"), "{said}");
}

#[test]
fn a_network_file_system_at_either_end_is_read_whole() {
    let source = |kind: &'static str, driver: Option<&'static str>| {
        move |survey: &mut Survey| {
            volume(survey).source = kind.to_owned();
            volume(survey).driver = driver.map(str::to_owned);
        }
    };
    assert_eq!(cost(source("nfs", None)), OutageCost::Whole);
    assert_eq!(cost(source("cephfs", None)), OutageCost::Whole);
    for driver in [
        "nfs.csi.k8s.io",
        "smb.csi.k8s.io",
        "efs.csi.aws.com",
        "file.csi.azure.com",
        "filestore.csi.storage.gke.io",
        "rook-ceph.cephfs.csi.ceph.com",
        "fsx.csi.aws.com",
    ] {
        assert_eq!(cost(source("csi", Some(driver))), OutageCost::Whole, "{driver}");
    }
    for driver in ["ebs.csi.aws.com", "pd.csi.storage.gke.io", "rook-ceph.rbd.csi.ceph.com", "disk.csi.azure.com", "driver.longhorn.io"] {
        assert_eq!(cost(source("csi", Some(driver))), OutageCost::Changes, "{driver}");
    }
    let target = |provisioner: &'static str, parameter: Option<(&'static str, &'static str)>| {
        move |survey: &mut Survey| {
            survey.classes[0].provisioner = provisioner.to_owned();
            survey.nodes.iter_mut().for_each(|node| node.drivers.clear());
            survey.classes[0].parameters.extend(parameter.map(|(key, value)| (key.to_owned(), value.to_owned())));
        }
    };
    assert_eq!(cost(target("efs.csi.aws.com", None)), OutageCost::Whole);
    assert_eq!(cost(target("cluster.local/nfs-subdir-external-provisioner", None)), OutageCost::Whole);
    assert_eq!(cost(target("csi.trident.netapp.io", Some(("backendType", "ontap-nas")))), OutageCost::Whole);
    assert_eq!(cost(target("csi.trident.netapp.io", Some(("backendType", "ontap-san")))), OutageCost::Changes);
    assert_eq!(cost(target("csi.vsphere.vmware.com", Some(("csi.storage.k8s.io/fstype", "nfs4")))), OutageCost::Whole);
    let source_class = |backend: &'static str| {
        move |survey: &mut Survey| {
            let class = survey.claims[0].class.clone();
            let of_claim = survey.classes.iter_mut().find(|one| Some(&one.name) == class.as_ref()).expect("its class is there");
            of_claim.parameters.insert("backendType".to_owned(), backend.to_owned());
        }
    };
    assert_eq!(cost(source_class("ontap-nas")), OutageCost::Whole);
    assert_eq!(cost(source_class("ontap-san")), OutageCost::Changes);
}

/// A driver serves many nodes at once by a network file system, whatever its name is.
#[test]
fn a_claim_for_many_nodes_is_read_whole_unless_it_is_a_folder_of_one() {
    let many = |survey: &mut Survey| survey.claims[0].access_modes = vec!["ReadWriteMany".to_owned()];
    assert_eq!(cost(many), OutageCost::Whole);
    let folder = |survey: &mut Survey| {
        many(survey);
        volume(survey).source = "local".to_owned();
        volume(survey).driver = None;
    };
    assert_eq!(cost(folder), OutageCost::Changes);
}

#[test]
fn a_cold_copy_costs_what_is_used() {
    let mut request = seen::request();
    request.cold = true;
    let mut survey = seen::set(1, &["data"]);
    survey.claims[0].used_bytes = Some(1 << 30);
    let (cost, said) = told(&request, &survey);
    assert_eq!(cost, OutageCost::Whole);
    assert!(said.contains("about 11 s, if 1Gi are read") && said.contains("copied while the app is stopped"), "{said}");
}

#[test]
fn a_warm_copy_is_said_to_grow_with_files_and_changes() {
    let (cost, said) = told(&seen::request(), &seen::set(1, &["data"]));
    assert_eq!(cost, OutageCost::Changes);
    assert!(said.contains("It grows with the number of files and with what the app changes"), "{said}");
    let (request, survey) = way_back(true);
    assert_eq!(told(&request, &survey), (OutageCost::Nothing, "a restart of the pods; nothing is copied in it.".to_owned()));
    let mut survey = seen::set(1, &["data"]);
    survey.app.replicas = 0;
    survey.app.pods.clear();
    survey.app.raw["spec"]["replicas"] = json!(0);
    assert_eq!(told(&seen::request(), &survey), (OutageCost::Nothing, "none, no pod runs.".to_owned()));
}

/// A plan of an earlier version does not say.
#[test]
fn a_plan_without_the_cost_is_still_read() {
    let text = kubectl_stateful::plan::file::to_json(&plan(&seen::request(), &seen::set(1, &["data"])));
    let mut value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let one = value["moves"][0].as_object_mut().expect("a move");
    assert!(one.remove("outage").is_some() && one.remove("outageBecause").is_some());
    let plan = kubectl_stateful::plan::file::read(&value.to_string()).expect("it is read");
    assert_eq!(plan.moves[0].outage, OutageCost::Unknown);
}
