//! How the bytes of a unit get to their targets, and why so. Decided once; rung and reason follow from it.

use super::claim::MovedClaim;
use super::place::meets;
use crate::plan::{Request, Rung};
use crate::survey::Survey;

/// The ways there are, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Copied while the app runs; only what changed is copied while it is stopped.
    Warm {
        /// Whether two movers are needed, because one pod cannot be sure to reach both ends.
        over_network: bool,
    },
    /// Copied while no app runs on it.
    Cold {
        /// Why not while it runs.
        why: ColdReason,
        /// As of a warm copy.
        over_network: bool,
    },
    /// Nothing is copied: the kept volumes are taken up as they are.
    Rebind,
}

/// Why a unit is copied only while no app runs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColdReason {
    /// The user asked for it.
    AskedFor,
    /// The app does not run.
    NoPodRuns,
    /// A claim is `ReadWriteOncePod`.
    OnePodOnly,
}

impl Way {
    /// Decides.
    pub(super) fn of(request: &Request, survey: &Survey, claims: &[MovedClaim<'_>], node: Option<&str>) -> Self {
        if !request.copies() {
            return Self::Rebind;
        }
        let over_network = !claims.iter().all(|claim| meets(request, survey, claim, node));
        match cold_reason(request, survey, claims) {
            None => Self::Warm { over_network },
            Some(why) => Self::Cold { why, over_network },
        }
    }

    /// Whether it is copied before the app is stopped.
    pub(crate) fn is_warm(self) -> bool {
        match self {
            Self::Warm { .. } => true,
            Self::Cold { .. } | Self::Rebind => false,
        }
    }

    /// Whether it goes from one mover to another.
    pub(crate) fn is_over_network(self) -> bool {
        match self {
            Self::Warm { over_network } | Self::Cold { over_network, .. } => over_network,
            Self::Rebind => false,
        }
    }

    /// Returns the rung that the plan names.
    pub(crate) fn rung(self) -> Rung {
        match self {
            Self::Warm { .. } => Rung::Warm,
            Self::Cold { .. } => Rung::Cold,
            Self::Rebind => Rung::Rebind,
        }
    }

    /// Returns why it goes that way, in words.
    pub(crate) fn because(self) -> &'static str {
        match self {
            Self::Warm { .. } => "copied beside the running app; what changed is copied while it is stopped",
            Self::Cold { why: ColdReason::AskedFor, .. } => "asked for with --cold",
            Self::Cold { why: ColdReason::NoPodRuns, .. } => "no pod runs on it",
            Self::Cold { why: ColdReason::OnePodOnly, .. } => "ReadWriteOncePod: no second pod can mount it",
            Self::Rebind => "the kept volume is taken up as it is",
        }
    }
}

fn cold_reason(request: &Request, survey: &Survey, claims: &[MovedClaim<'_>]) -> Option<ColdReason> {
    let once = claims.iter().any(|claim| claim.seen.access_modes.iter().any(|mode| mode == "ReadWriteOncePod"));
    if request.cold {
        Some(ColdReason::AskedFor)
    } else if survey.app.replicas == 0 {
        Some(ColdReason::NoPodRuns)
    } else {
        once.then_some(ColdReason::OnePodOnly)
    }
}
