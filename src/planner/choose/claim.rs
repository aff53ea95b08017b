//! Which claims are moved, and what each is to be at its target end. How its bytes get there is decided for its unit.

use serde_json::json;

use crate::plan::{Destination, KeptVolume, Request, Slot, staging_name};
use crate::size;
use crate::survey::{ClaimOrigin, ClaimSeen, Survey, VolumeSeen};

/// A claim that is moved, with both its ends.
#[derive(Clone, Debug)]
pub(crate) struct MovedClaim<'a> {
    /// The source end, as it was seen.
    pub(crate) seen: &'a ClaimSeen,
    /// Its key in labels of ours.
    pub(crate) slot: Slot,
    /// The claim that holds the target volume until the claim's own name is free.
    pub(crate) staging: String,
    /// The volume that is taken up again; none where a new one is made.
    pub(crate) kept: Option<&'a KeptVolume>,
    /// The target end.
    pub(crate) target: TargetClaim,
}

/// What a claim is to say at its target end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TargetClaim {
    /// Its class.
    pub(crate) class: Option<String>,
    /// What it asks for, if that is another amount than now.
    pub(crate) size: Option<String>,
    /// Its access modes, if they are others than now.
    pub(crate) modes: Option<Vec<String>>,
}

impl<'a> MovedClaim<'a> {
    fn of(request: &'a Request, seen: &'a ClaimSeen, slot: Slot) -> Self {
        let kept = match &request.destination {
            Destination::StorageClass { .. } => None,
            Destination::KeptVolumes { volumes, .. } => volumes.iter().find(|kept| kept.claim == seen.name),
        };
        let class = match &request.destination {
            Destination::StorageClass { name } => Some(name.clone()),
            Destination::KeptVolumes { .. } => kept.and_then(|kept| kept.class.clone()),
        };
        let target = TargetClaim { class, size: size(request, seen, kept), modes: modes(request, seen, kept) };
        Self { staging: staging_name(&seen.name, &request.run), seen, slot, kept, target }
    }

    /// Returns the source volume. A claim without one is refused before anything is laid out.
    pub(crate) fn volume(&self) -> &'a VolumeSeen {
        self.seen.volume.as_ref().expect("a claim without a volume is refused before")
    }
}

/// Returns the claims that are to be moved: those asked for, without ephemeral ones and those that are there already.
pub(super) fn moved_claims<'a>(request: &'a Request, survey: &'a Survey) -> Vec<MovedClaim<'a>> {
    let wanted = |claim: &&ClaimSeen| {
        let named = request.only_claims.is_empty() || request.only_claims.contains(&claim.name);
        let there = matches!(&request.destination, Destination::StorageClass { name } if claim.class.as_ref() == Some(name));
        named && !there && !request.skip_claims.contains(&claim.name) && !matches!(claim.origin, ClaimOrigin::Ephemeral { .. })
    };
    let kept = |claim: &&ClaimSeen| match &request.destination {
        Destination::StorageClass { .. } => true,
        Destination::KeptVolumes { volumes, .. } => volumes.iter().any(|volume| volume.claim == claim.name),
    };
    let claims = survey.claims.iter().filter(wanted).filter(kept);
    claims.enumerate().map(|(index, claim)| MovedClaim::of(request, claim, Slot(format!("c{index}")))).collect()
}

/// Returns the access modes of a new volume's claim.
pub(crate) fn wanted_modes<'a>(request: &'a Request, claim: &'a ClaimSeen) -> &'a Vec<String> {
    if request.access_modes.is_empty() { &claim.access_modes } else { &request.access_modes }
}

fn size(request: &Request, claim: &ClaimSeen, kept: Option<&KeptVolume>) -> Option<String> {
    let wanted = match kept {
        Some(kept) => Some(kept.request.clone()),
        None => request.size_bytes.map(size::quantity),
    };
    wanted.filter(|wanted| claim.raw["spec"]["resources"]["requests"]["storage"] != json!(wanted))
}

fn modes(request: &Request, claim: &ClaimSeen, kept: Option<&KeptVolume>) -> Option<Vec<String>> {
    let wanted = match kept {
        // A plan that could not change them.
        Some(kept) if kept.access_modes.is_empty() => return None,
        Some(kept) => &kept.access_modes,
        None => wanted_modes(request, claim),
    };
    (*wanted != claim.access_modes).then(|| wanted.clone())
}
