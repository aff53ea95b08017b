//! What is planned on clusters of other kinds: managed clouds with zonal disks, OpenShift, RKE2, k3s, Talos, bare metal, NFS and Ceph.
//!
//! Their surveys are in `fixtures/surveys`; each file says in its head where it comes from. The snapshots show what somebody there would
//! be told: the plan in words with where movers go and as whom, or why there is none.

use std::fs;
use std::path::Path;

use kubectl_stateful::operate::failure::{CommandError, Fault};
use kubectl_stateful::plan::{Destination, Plan, Request, Step, check};
use kubectl_stateful::planner;
use kubectl_stateful::survey::file;

use crate::seen;

/// A survey, and the class to move to.
const CLUSTERS: [(&str, &str); 17] = [
    ("aks-disk-premium", "managed-csi-premium"),
    ("aks-files-to-disk", "managed-csi"),
    ("bare-metal-local", "rook-ceph-block"),
    ("ceph-rbd-block", "rook-ceph-block-ec"),
    ("cephfs-to-rbd", "rook-ceph-block"),
    ("eks-efs-to-gp3", "gp3"),
    ("eks-gp2-to-gp3", "gp3"),
    ("eks-gp2-to-gp3", "efs"),
    ("gke-balanced-to-ssd", "premium-rwo"),
    ("gke-filestore", "standard-rwx"),
    ("k3s-local-path", "longhorn"),
    ("kind-hostpath", "standard"),
    ("nfs-csi", "longhorn"),
    ("openshift-scc", "ocs-storagecluster-ceph-rbd"),
    ("rke2-cis", "longhorn-ssd"),
    ("talos-longhorn", "longhorn-ssd"),
    ("zonal-other-zone", "zonal-b"),
];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/surveys")
}

#[test]
fn each_cluster_is_planned_or_says_why_not() {
    for (cluster, class) in CLUSTERS {
        let text = fs::read_to_string(folder().join(format!("{cluster}.yaml"))).expect("the file is there");
        assert!(text.starts_with("# ") && text.contains("Source"), "{cluster} does not say where it comes from");
        let survey = file::read(&text).unwrap_or_else(|error| panic!("{cluster}: {error}")).survey;
        let request = Request { destination: Destination::StorageClass { name: class.to_owned() }, ..seen::request() };
        let told = match planner::plan(&request, &survey, "") {
            Ok(plan) => {
                assert_eq!(check::faults(&plan), Vec::<String>::new(), "{cluster}");
                words(&plan)
            }
            Err(refusals) => {
                let told = |fault: &Fault| format!("{}\n  hint: {}\n", fault.what, fault.hints.join("; "));
                CommandError::from(refusals).faults.iter().map(told).collect()
            }
        };
        insta::assert_snapshot!(format!("{cluster}-to-{class}"), told);
    }
}

#[test]
fn no_survey_is_forgotten() {
    let files = fs::read_dir(folder()).expect("the folder is there").map(|entry| entry.expect("it can be read").file_name());
    for name in files {
        let name = name.to_string_lossy().into_owned();
        assert!(CLUSTERS.iter().any(|(cluster, _)| name == format!("{cluster}.yaml")), "{name} is planned by no test");
    }
}

fn words(plan: &Plan) -> String {
    let mut text = seen::moves_and_notes(plan);
    for stage in &plan.stages {
        text += &format!("{}{}: {} steps\n", if stage.app_is_down { "! " } else { "  " }, stage.name, stage.steps.len());
    }
    for (_, planned) in plan.steps() {
        if let Step::StartMover(start) = &planned.step {
            let spec = &start.manifest["spec"];
            let parts = ["nodeSelector", "affinity", "tolerations", "securityContext"].into_iter().filter(|part| !spec[part].is_null());
            text += &format!("mover {}\n", start.pod);
            text += &parts.map(|part| format!("    {part}: {}\n", spec[part])).collect::<String>();
        }
    }
    text
}
