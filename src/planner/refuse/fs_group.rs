//! Whether the kubelet will give a group and its modes to files that are copied as they were: it does so at each mount where the app has an
//! `fsGroup` and the CSI driver lets it (`CSIDriver.spec.fsGroupPolicy`, KEP-1682).
//!
//! Where it is certain, and the app does not ask for it at a mismatch only, it is refused without the user's word: a database that checks the modes of its
//! folder does not start then, and a way back that copies what was written since brings the new modes along. Otherwise it is said.

use super::reason::{Refusal, TargetReason};
use crate::plan::{Destination, Request};
use crate::planner::choose::wanted_modes;
use crate::planner::objects::app_pod_spec;
use crate::survey::{ClaimSeen, Survey};

/// Whether the kubelet acts on an `fsGroup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GroupChange {
    Always,
    Never,
    /// The class leaves the file system to its provisioner, and the driver's policy depends on it.
    Maybe,
}

/// Refuses to let the kubelet change what was copied, unless the user says that it may.
pub(crate) fn refusal(request: &Request, survey: &Survey, claim: &ClaimSeen) -> Option<Refusal> {
    let context = &app_pod_spec(survey)["securityContext"];
    let group = context["fsGroup"].as_u64()?;
    let is_for_mismatch = context["fsGroupChangePolicy"] == "OnRootMismatch";
    if claim.block || is_for_mismatch || request.fs_group_may_change || !matches!(request.destination, Destination::StorageClass { .. }) {
        return None;
    }
    let (from, source) = source(survey, claim)?;
    let (to, target) = target(request, survey, claim)?;
    let is_changed = source == GroupChange::Never && target == GroupChange::Always;
    is_changed.then(|| Refusal::Target(TargetReason::FsGroup { claim: claim.name.clone(), from, to, group }))
}

/// What will be other than it was, for each claim that is moved.
pub(crate) fn notes(request: &Request, survey: &Survey, moved: &[&ClaimSeen]) -> Vec<String> {
    let context = &app_pod_spec(survey)["securityContext"];
    let Some(group) = context["fsGroup"].as_u64() else { return Vec::new() };
    let unless = match context["fsGroupChangePolicy"].as_str() {
        Some("OnRootMismatch") => ", unless the volume's root has that group and its modes already",
        _ => "",
    };
    let files = moved.iter().filter(|claim| !claim.block);
    files.filter_map(|claim| note(request, survey, claim, group, unless)).collect()
}

fn note(request: &Request, survey: &Survey, claim: &ClaimSeen, group: u64, unless: &str) -> Option<String> {
    let (from, source) = source(survey, claim)?;
    let (to, target) = target(request, survey, claim)?;
    let name = &claim.name;
    match (&request.destination, source, target) {
        (Destination::StorageClass { .. }, GroupChange::Never, GroupChange::Always | GroupChange::Maybe) => {
            let does = if target == GroupChange::Always { "gives" } else { "may give" };
            Some(format!(
                "on {to} the kubelet {does} group {group} and its modes to every file of claim {name}{unless}; on {from} it did not. \
                 A database that checks modes may not start then: `undo --discard-new-writes` goes back to the old volume as it was"
            ))
        }
        (Destination::KeptVolumes { discard_new_writes: false, .. }, GroupChange::Always | GroupChange::Maybe, GroupChange::Never) => {
            Some(format!(
                "on {from} the kubelet gives the files of claim {name} group {group} and its modes, which are copied back; \
             on {to} it did not. `--discard-new-writes` takes the kept volume as it was, without what was written since"
            ))
        }
        // What was given stays with the files, which are copied as they are; and what is the same needs no word.
        (Destination::StorageClass { .. } | Destination::KeptVolumes { .. }, _, _) => None,
    }
}

/// By what the claim's volume is served now, and whether the kubelet acts there; none where that is not known.
fn source(survey: &Survey, claim: &ClaimSeen) -> Option<(String, GroupChange)> {
    let volume = claim.volume.as_ref()?;
    match (volume.driver.as_deref(), volume.source.as_str()) {
        (Some(driver), _) => {
            let acts = by_policy(policy(survey, driver)?, Some(&volume.fs_type), is_for_one_node(&claim.access_modes));
            Some((driver.to_owned(), acts))
        }
        // `Managed: false` in `pkg/volume/hostpath` and `pkg/volume/nfs` of Kubernetes 1.36.
        (None, "hostPath" | "nfs") => Some((format!("a {} volume", volume.source), GroupChange::Never)),
        (None, "local" | "iscsi" | "fc") => Some((format!("a {} volume", volume.source), GroupChange::Always)),
        (None, _) => None,
    }
}

/// The same of the volume to be.
fn target(request: &Request, survey: &Survey, claim: &ClaimSeen) -> Option<(String, GroupChange)> {
    let class = match &request.destination {
        Destination::StorageClass { name } => name,
        Destination::KeptVolumes { volumes, .. } => volumes.iter().find(|kept| kept.claim == claim.name)?.class.as_ref()?,
    };
    let class = survey.class(class)?;
    let fs_type = ["csi.storage.k8s.io/fstype", "fstype"].into_iter().find_map(|key| class.parameters.get(key));
    let policy = policy(survey, &class.provisioner)?;
    let modes = wanted_modes(request, claim);
    Some((class.provisioner.clone(), by_policy(policy, fs_type.map(String::as_str), is_for_one_node(modes))))
}

/// A driver's policy; none for one that is not registered, or may not be read.
fn policy<'a>(survey: &'a Survey, driver: &str) -> Option<&'a str> {
    survey.driver(driver).map(|driver| driver.fs_group_policy.as_str()).filter(|policy| !policy.is_empty())
}

/// `supportsFSGroup` of `pkg/volume/csi/csi_mounter.go` in Kubernetes 1.36.
fn by_policy(policy: &str, fs_type: Option<&str>, for_one_node: bool) -> GroupChange {
    match (policy, fs_type) {
        ("None", _) | (_, Some("")) if policy != "File" => GroupChange::Never,
        ("File", _) => GroupChange::Always,
        _ if !for_one_node => GroupChange::Never,
        (_, Some(_)) => GroupChange::Always,
        (_, None) => GroupChange::Maybe,
    }
}

fn is_for_one_node(modes: &[String]) -> bool {
    modes.iter().any(|mode| mode == "ReadWriteOnce" || mode == "ReadWriteOncePod")
}
