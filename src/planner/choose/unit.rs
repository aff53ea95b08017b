//! Which claims are copied together: those of one pod, because their targets must be reachable from one node in the end.

use std::collections::BTreeMap;

use super::claim::MovedClaim;
use super::way::Way;
use crate::plan::Request;
use crate::survey::{AppKind, ClaimOrigin, Survey};

/// Claims that are used by the same pod, and therefore copied together by one mover or one pair of movers.
#[derive(Debug)]
pub(crate) struct Unit<'a> {
    /// Its number, by which its movers are named.
    pub(crate) number: usize,
    /// The claims.
    pub(crate) claims: Vec<MovedClaim<'a>>,
    /// The node on which the app uses them; none while it does not run.
    pub(crate) node: Option<String>,
    /// How their bytes get to the targets.
    pub(crate) way: Way,
}

/// Returns the units of the claims that are moved.
pub(super) fn units<'a>(request: &Request, survey: &Survey, moved: &[MovedClaim<'a>]) -> Vec<Unit<'a>> {
    let mut groups: BTreeMap<String, Vec<MovedClaim<'a>>> = BTreeMap::new();
    for claim in moved {
        let key = match (&claim.seen.origin, survey.app.kind) {
            (ClaimOrigin::Template { ordinal, .. }, _) => format!("{ordinal:06}"),
            // Named by the pod template of several replicas: shared, so it goes by itself.
            (ClaimOrigin::Volume { .. }, AppKind::StatefulSet) => format!("shared {}", claim.seen.name),
            _ => "app".to_owned(),
        };
        groups.entry(key).or_default().push(claim.clone());
    }
    groups.into_values().enumerate().map(|(number, claims)| unit(request, survey, number, claims)).collect()
}

fn unit<'a>(request: &Request, survey: &Survey, number: usize, claims: Vec<MovedClaim<'a>>) -> Unit<'a> {
    // Where a pod runs now: one that was evicted leaves its object behind, with the node it was on.
    let node = claims.iter().find_map(|claim| claim.seen.node_of_app()).map(str::to_owned);
    Unit { number, way: Way::of(request, survey, &claims, node.as_deref()), claims, node }
}
