//! The way of each claim, explained for people.

use crate::plan::ClaimMove;
use crate::planner::choose::{Choice, MovedClaim, Unit, cost};

/// Returns one for each claim that is moved.
pub(super) fn moves(choice: &Choice<'_>) -> Vec<ClaimMove> {
    choice.units.iter().flat_map(|unit| unit.claims.iter().map(|claim| one(choice, unit, claim))).collect()
}

fn one(choice: &Choice<'_>, unit: &Unit<'_>, claim: &MovedClaim<'_>) -> ClaimMove {
    let (outage, outage_because) = cost(choice, unit, claim);
    ClaimMove {
        claim: claim.seen.name.clone(),
        slot: claim.slot.clone(),
        source_class: claim.seen.class.clone(),
        target_class: claim.target.class.clone(),
        source_volume: claim.volume().name.clone(),
        capacity_bytes: claim.seen.capacity_bytes,
        target_bytes: choice.request.size_bytes.filter(|_| claim.kept.is_none()),
        rung: unit.way.rung(),
        because: unit.way.because().to_owned(),
        node: unit.node.clone(),
        over_network: unit.way.is_over_network(),
        outage,
        outage_because,
    }
}
