//! What becomes of a volume when its claim is deleted (`persistentVolumeReclaimPolicy`): whoever set `Retain` by hand wanted the data kept, and
//! moving it is no reason to stop.

use crate::plan::{Destination, Request};
use crate::survey::{ClaimSeen, Survey};

/// Whether a claim's volume is kept although its class would delete it. A volume whose class is not there any more is taken at its word.
pub(crate) fn is_kept_by_hand(survey: &Survey, claim: &ClaimSeen) -> bool {
    let of_class = claim.class.as_deref().and_then(|class| survey.class(class)).map(|class| class.reclaim_policy.as_str());
    claim.volume.as_ref().is_some_and(|volume| volume.reclaim_policy == "Retain") && of_class != Some("Retain")
}

/// What is other than the new class would have it, or than the old class had it.
pub(crate) fn notes(request: &Request, survey: &Survey, moved: &[&ClaimSeen]) -> Vec<String> {
    let Destination::StorageClass { name } = &request.destination else { return Vec::new() };
    let Some(to) = survey.class(name).filter(|class| class.reclaim_policy != "Retain") else { return Vec::new() };
    moved.iter().filter_map(|claim| note(survey, claim, &to.name)).collect()
}

fn note(survey: &Survey, claim: &ClaimSeen, to: &str) -> Option<String> {
    let volume = claim.volume.as_ref()?;
    let name = &claim.name;
    if is_kept_by_hand(survey, claim) {
        return Some(format!(
            "volume {} of claim {name} is on Retain, which its class does not say: the new volume is set to Retain too",
            volume.name
        ));
    }
    let from = claim.class.as_deref().filter(|_| volume.reclaim_policy == "Retain")?;
    Some(format!("class {from} keeps the volume when claim {name} is deleted (Retain); class {to} deletes it"))
}
