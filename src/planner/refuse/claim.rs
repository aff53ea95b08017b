//! What each claim has against being moved: its state, its volume, and whoever else holds it.

use super::reason::{ClaimReason, MoverReason, Refusal};
use super::{access_modes, appliers, finalizers, fs_group, occupants, room};
use crate::plan::Request;
use crate::planner::choose::MovedClaim;
use crate::planner::objects::CLAIM_NAME_MAX;
use crate::survey::{AppKind, Survey, VolumeSeen};

/// Why a volume cannot be moved for what it is made of. A folder of a node's disk that is bound to that node is as good as a `local` volume; one
/// that is not may be another folder on another node.
fn unmovable(survey: &Survey, volume: &VolumeSeen) -> Option<&'static str> {
    let is_bound_to_nodes = volume.node_affinity.as_ref().is_some_and(|affinity| affinity["required"].is_object());
    match volume.source.as_str() {
        "hostPath" if is_bound_to_nodes || survey.nodes.len() == 1 => None,
        "hostPath" => Some("it names no node, and may be another folder on another node"),
        "emptyDir" => Some("it goes with its pod"),
        _ => None,
    }
}

/// Finds what a claim has against a move.
pub(super) fn claim(request: &Request, survey: &Survey, moved: &MovedClaim<'_>, found: &mut Vec<Refusal>) {
    let (claim, staging) = (moved.seen, &moved.staging);
    let name = claim.name.clone();
    if claim.terminating {
        found.push(Refusal::Claim(ClaimReason::ClaimTerminating { claim: name.clone() }));
    }
    let Some(volume) = claim.volume.as_ref().filter(|_| claim.phase == "Bound") else {
        found.push(Refusal::Claim(ClaimReason::NotBound { claim: name, phase: claim.phase.clone() }));
        return;
    };
    if volume.terminating {
        found.push(Refusal::Claim(ClaimReason::VolumeTerminating { claim: name.clone(), volume: volume.name.clone() }));
    }
    let own = format!("{}/{name} {}", survey.namespace.name, claim.uid);
    if volume.bound_to != own {
        let bound_to = volume.bound_to.clone();
        found.push(Refusal::Claim(ClaimReason::BoundElsewhere { claim: name.clone(), volume: volume.name.clone(), bound_to }));
    }
    let because = unmovable(survey, volume);
    found.extend(
        because.map(|why| Refusal::Claim(ClaimReason::UnmovableVolume { claim: name.clone(), source_kind: volume.source.clone(), why })),
    );
    found.extend(finalizers::of_claim(claim));
    if let Some(owner) = &claim.owner {
        found.push(Refusal::Claim(ClaimReason::ClaimOwned { claim: name.clone(), owner: owner.clone() }));
    }
    // A claim that is the app itself was looked at as such.
    if survey.app.kind != AppKind::Claim {
        found.extend(appliers::refusals(request, &format!("claim `{name}`"), &claim.applied_by));
    }
    found.extend(access_modes::refusal(request, survey, claim));
    found.extend(occupants::pods(survey, claim));
    found.extend(fs_group::refusal(request, survey, claim));
    found.extend(occupants::templates(survey, claim));
    found.extend(request.size_bytes.and_then(|size| room::too_small(claim, size)));
    let once = claim.access_modes.iter().any(|mode| mode == "ReadWriteOncePod");
    if once && request.insist && !request.cold {
        found.push(Refusal::Mover(MoverReason::NoWarmCopy { claim: name.clone() }));
    }
    if staging.len() > CLAIM_NAME_MAX {
        found.push(Refusal::Claim(ClaimReason::BadName(format!("the name `{staging}` would be longer than {CLAIM_NAME_MAX} characters"))));
    }
}
