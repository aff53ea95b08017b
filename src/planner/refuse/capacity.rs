//! Whether a driver that tells how much storage it has left has enough for the new volumes (KEP-1472).
//!
//! The scheduler goes by it for classes that wait for their consumer: a mover whose volume does not fit would wait without end. What a driver
//! says is a moment old, and each volume is asked for by itself; so what is refused here would not be made now.

use super::reason::{Refusal, TargetReason};
use crate::plan::Request;
use crate::planner::choose::{Choice, Unit};
use crate::size;
use crate::survey::{CapacitySeen, ClaimSeen, ClassSeen};

/// Refuses what no node has room for on which the new volume may be made.
pub(crate) fn refusals(choice: &Choice<'_>) -> Vec<Refusal> {
    let survey = choice.survey;
    let tells =
        |class: &&ClassSeen| class.waits_for_consumer && survey.driver(&class.provisioner).is_some_and(|driver| driver.tells_capacity);
    let Some(class) = choice.class().filter(tells) else { return Vec::new() };
    let said: Vec<&CapacitySeen> = survey.capacities.iter().filter(|capacity| capacity.class == class.name).collect();
    choice.units.iter().filter_map(|unit| too_full(choice.request, &said, unit, &class.name)).collect()
}

/// The first claim of a unit that no volume is made for.
fn too_full(request: &Request, said: &[&CapacitySeen], unit: &Unit<'_>, class: &str) -> Option<Refusal> {
    // One mover for both ends has to be on the app's node, and so does its new volume.
    let node = unit.node.as_deref().filter(|_| !unit.way.is_over_network());
    let near =
        || said.iter().filter(|capacity| node.map_or(!capacity.nodes.is_empty(), |node| capacity.nodes.iter().any(|one| one == node)));
    let bytes = |claim: &ClaimSeen| request.size_bytes.unwrap_or(claim.capacity_bytes);
    let fits = |claim: &ClaimSeen| near().any(|capacity| is_enough(capacity, bytes(claim)));
    let claim = unit.claims.iter().map(|claim| claim.seen).find(|claim| !fits(claim))?;
    Some(Refusal::Target(TargetReason::NoCapacity {
        claim: claim.name.clone(),
        class: class.to_owned(),
        place: node.map_or_else(|| "on any node".to_owned(), |node| format!("on node `{node}`")),
        size: size::words(bytes(claim)),
    }))
}

/// `capacitySufficient` in `pkg/scheduler/framework/plugins/volumebinding/binder.go` (Kubernetes 1.36).
fn is_enough(capacity: &CapacitySeen, bytes: u64) -> bool {
    capacity.volume_bytes_max.or(capacity.bytes).is_some_and(|most| most >= bytes)
}
