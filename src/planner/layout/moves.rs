//! The way of each claim: both its ends, and how it gets from one to the other, explained for people.

use crate::contract::orders::VolumeMode;
use crate::plan::{ClaimMove, KeptEnd, SourceEnd, TargetEnd};
use crate::planner::choose::{Choice, MovedClaim, Unit, cost};

/// Returns one for each claim that is moved.
pub(super) fn moves(choice: &Choice<'_>) -> Vec<ClaimMove> {
    choice.units.iter().flat_map(|unit| unit.claims.iter().map(|claim| one(choice, unit, claim))).collect()
}

fn one(choice: &Choice<'_>, unit: &Unit<'_>, claim: &MovedClaim<'_>) -> ClaimMove {
    let (outage, outage_because) = cost(choice, unit, claim);
    ClaimMove {
        slot: claim.slot.clone(),
        claim: claim.seen.name.clone(),
        mode: if claim.seen.block { VolumeMode::Block } else { VolumeMode::Filesystem },
        source: source(claim),
        target: target(choice, claim),
        rung: unit.way.rung(),
        because: unit.way.because().to_owned(),
        node: unit.node.clone(),
        over_network: unit.way.is_over_network(),
        outage,
        outage_because,
    }
}

fn source(claim: &MovedClaim<'_>) -> SourceEnd {
    let volume = claim.volume();
    SourceEnd {
        uid: claim.seen.uid.clone(),
        class: claim.seen.class.clone(),
        volume: volume.name.clone(),
        volume_uid: volume.uid.clone(),
        capacity_bytes: claim.seen.capacity_bytes,
    }
}

fn target(choice: &Choice<'_>, claim: &MovedClaim<'_>) -> TargetEnd {
    let kept = claim.kept.map(|kept| KeptEnd { volume: kept.volume.clone(), volume_uid: kept.volume_uid.clone() });
    TargetEnd {
        claim: claim.staging.clone(),
        class: claim.target.class.clone(),
        bytes: choice.request.size_bytes.filter(|_| kept.is_none()),
        kept,
    }
}
