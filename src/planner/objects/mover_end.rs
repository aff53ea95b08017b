//! The mover pods of a unit: which ends each of them mounts, and what it is called.

use crate::plan::Request;
use crate::planner::choose::{Unit, Way};

/// Which ends of its claims a mover pod mounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MoverEnd {
    /// Both, and copies from one to the other.
    Both,
    /// The source volumes.
    Source,
    /// The target volumes.
    Target,
}

/// Returns the movers that a unit takes.
pub(crate) fn movers_of(unit: &Unit<'_>) -> &'static [MoverEnd] {
    match unit.way {
        Way::Warm { over_network: true } | Way::Cold { over_network: true, .. } => &[MoverEnd::Source, MoverEnd::Target],
        Way::Warm { over_network: false } | Way::Cold { over_network: false, .. } => &[MoverEnd::Both],
        Way::Rebind => &[],
    }
}

/// The name of a mover pod.
pub(crate) fn mover_name(request: &Request, unit: &Unit<'_>, end: MoverEnd) -> String {
    let suffix = match end {
        MoverEnd::Both => "",
        MoverEnd::Source => "-source",
        MoverEnd::Target => "-target",
    };
    format!("stateful-{}-{}{suffix}", request.run, unit.number)
}
