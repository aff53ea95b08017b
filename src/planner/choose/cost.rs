//! What a claim adds to the outage: whether the last pass, which runs while the app is stopped, reads what changed or everything.
//!
//! The mover believes the stamps of files only on file systems that take them from the node's own clock (`mover/disk/volume.rs`). Which file
//! system a volume has the cluster does not say, so it is judged by what serves the volume; the mover judges again by what it finds.

use std::collections::BTreeMap;

use super::choice::Choice;
use super::claim::MovedClaim;
use super::unit::Unit;
use super::way::Way;
use crate::plan::OutageCost;
use crate::survey::ClaimSeen;

/// Drivers of network file systems, and of those in user space, whose names do not say so (from each project's `CSIDriver` object).
const NETWORK_DRIVERS: [&str; 14] = [
    "file.csi.azure.com",
    "blob.csi.azure.com",
    "filestore.csi.storage.gke.io",
    "fsx.csi.aws.com",
    "fsx.openzfs.csi.aws.com",
    "s3.csi.aws.com",
    "nasplugin.csi.alibabacloud.com",
    "com.tencent.cloud.csi.cfs",
    "csi-isilon.dellemc.com",
    "csi.weka.io",
    "csi.quobyte.com",
    "csi.juicefs.com",
    "vpc.file.csi.ibm.io",
    "file.csi.vastdata.com",
];

/// Words of a driver's, provisioner's or source's name, or of a file system type, that say it.
const NETWORK_WORDS: [&str; 15] = [
    "nfs",
    "nfs4",
    "cephfs",
    "smb",
    "cifs",
    "efs",
    "lustre",
    "glusterfs",
    "beegfs",
    "gcsfuse",
    "fuse",
    "azurefile",
    "azureFile",
    "seaweedfs",
    "manila",
];

/// Parameters of classes that name a file system or a backend.
const TELLING_PARAMETERS: [&str; 4] = ["csi.storage.k8s.io/fstype", "fsType", "fstype", "backendType"];

/// Returns what a claim of a unit adds to the outage, and why.
pub(crate) fn cost(choice: &Choice<'_>, unit: &Unit<'_>, claim: &MovedClaim<'_>) -> (OutageCost, String) {
    match unit.way {
        Way::Rebind => (OutageCost::Nothing, "nothing is copied".to_owned()),
        Way::Cold { .. } if choice.app_runs() => (OutageCost::Whole, "it is copied while the app is stopped".to_owned()),
        Way::Cold { .. } => (OutageCost::Nothing, "no pod runs on it".to_owned()),
        Way::Warm { .. } if claim.seen.block => (OutageCost::Whole, "a block device is read whole in each pass".to_owned()),
        Way::Warm { .. } => match network(choice, claim) {
            Some(what) => (OutageCost::Whole, format!("{what}, whose time stamps are not believed: all content is read in each pass")),
            None => (OutageCost::Changes, "every file is looked at, and what changed is read".to_owned()),
        },
    }
}

/// By which end a claim is on a network file system, if it is.
fn network(choice: &Choice<'_>, moved: &MovedClaim<'_>) -> Option<String> {
    let (survey, claim) = (choice.survey, moved.seen);
    if is_shared(claim) || choice.request.access_modes.iter().any(|mode| mode == "ReadWriteMany") {
        return Some("it can be mounted by many nodes at once, as network file systems can".to_owned());
    }
    let volume = claim.volume.as_ref()?;
    let source = volume.driver.as_deref().unwrap_or(&volume.source);
    let of_class =
        claim.class.as_ref().and_then(|class| survey.class(class)).is_some_and(|class| parameters_say_network(&class.parameters));
    if is_network(source) || says_network(&volume.fs_type) || of_class {
        return Some(format!("{source} is a network file system"));
    }
    let class = survey.class(moved.target.class.as_ref()?)?;
    let is_target = is_network(&class.provisioner) || parameters_say_network(&class.parameters);
    is_target.then(|| format!("{} is a network file system", class.provisioner))
}

/// File systems on a device of one node are for one node.
fn is_shared(claim: &ClaimSeen) -> bool {
    let is_local = claim.volume.as_ref().is_some_and(|volume| matches!(volume.source.as_str(), "hostPath" | "local"));
    !is_local && claim.access_modes.iter().any(|mode| mode == "ReadWriteMany" || mode == "ReadOnlyMany")
}

fn is_network(driver: &str) -> bool {
    NETWORK_DRIVERS.contains(&driver) || says_network(driver)
}

fn says_network(name: &str) -> bool {
    name.split(|one: char| !one.is_ascii_alphanumeric()).any(|word| NETWORK_WORDS.contains(&word))
}

/// As Trident's `backendType: ontap-nas`, or vSphere's `csi.storage.k8s.io/fstype: nfs4`.
fn parameters_say_network(parameters: &BTreeMap<String, String>) -> bool {
    let values = TELLING_PARAMETERS.into_iter().filter_map(|key| parameters.get(key));
    values.into_iter().any(|value| says_network(value) || value.split('-').any(|word| word == "nas"))
}
