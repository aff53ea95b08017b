//! The access modes of new claims, where they are to be others than those of the old ones: a class may lack a mode, and does not say which it has.

use super::reason::{ClaimReason, Refusal};
use super::reference::reference;
use crate::plan::Request;
use crate::survey::{ClaimOrigin, ClaimSeen, Survey};

/// The mode by which pods on several nodes can write.
const MANY: &str = "ReadWriteMany";

/// Refuses modes with which the replicas that share a claim could not run on several nodes any more.
pub(crate) fn refusal(request: &Request, survey: &Survey, claim: &ClaimSeen) -> Option<Refusal> {
    let shared = matches!(claim.origin, ClaimOrigin::Volume { .. }) && survey.app.replicas > 1;
    let is_lost = !request.access_modes.is_empty() && has(&claim.access_modes, MANY) && !has(&request.access_modes, MANY);
    let single = has(&request.access_modes, "ReadWriteOncePod");
    (shared && (is_lost || single)).then(|| {
        Refusal::Claim(ClaimReason::Shared {
            claim: claim.name.clone(),
            app: reference(survey),
            replicas: survey.app.replicas,
            modes: request.access_modes.join(", "),
        })
    })
}

/// Where less might do, it is said how less is asked for.
pub(crate) fn note(request: &Request, survey: &Survey, claim: &ClaimSeen) -> Option<String> {
    let crate::plan::Destination::StorageClass { name: class } = &request.destination else { return None };
    let shared = matches!(claim.origin, ClaimOrigin::Volume { .. }) && survey.app.replicas > 1;
    let asks_for_more = request.access_modes.is_empty() && has(&claim.access_modes, MANY);
    (asks_for_more && !shared).then(|| {
        format!(
            "claim {} asks for {MANY}, and one pod uses it: if class {class} has no such volumes, `--access-mode ReadWriteOnce` asks for less",
            claim.name
        )
    })
}

fn has(modes: &[String], mode: &str) -> bool {
    modes.iter().any(|one| one == mode)
}
