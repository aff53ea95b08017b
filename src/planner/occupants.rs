//! Who else holds a claim that is to be moved. Names them; whether they could be moved along is not asked.

use super::checks::reference;
use super::refusal::Refusal;
use crate::survey::{ClaimSeen, MountSeen, Survey};

/// What others' pods have against moving a claim.
pub(super) fn pods(survey: &Survey, claim: &ClaimSeen) -> Vec<Refusal> {
    let others = claim.mounted_by.iter().filter(|mount| !mount.of_app);
    others.filter_map(|mount| pod(survey, claim, mount)).collect()
}

fn pod(survey: &Survey, claim: &ClaimSeen, mount: &MountSeen) -> Option<Refusal> {
    let (claim, pod, app) = (claim.name.clone(), mount.pod.clone(), reference(survey));
    if !mount.is_over() {
        return Some(Refusal::InUseElsewhere { claim, pod, app });
    }
    // A pod that was never placed keeps no claim from being deleted.
    mount.node.as_ref()?;
    let why = mount.reason.clone().unwrap_or_else(|| mount.phase.clone());
    Some(Refusal::HeldByDeadPod { claim, pod, why, app, finalizers: mount.finalizers.clone() })
}
