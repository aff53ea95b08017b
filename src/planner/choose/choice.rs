//! What is moved and how, as one value. It is checked, explained and laid out from this value, and nothing of it is decided again.

use super::claim::{MovedClaim, moved_claims};
use super::unit::{Unit, units};
use crate::plan::{Destination, Request};
use crate::survey::{ClassSeen, Survey};

/// What a request comes to in a cluster as it was seen.
pub(crate) struct Choice<'a> {
    /// What was asked for.
    pub(crate) request: &'a Request,
    /// What was seen.
    pub(crate) survey: &'a Survey,
    /// The claims that are moved, in the survey's order.
    pub(crate) moved: Vec<MovedClaim<'a>>,
    /// The same claims, in the groups in which they are copied.
    pub(crate) units: Vec<Unit<'a>>,
}

impl<'a> Choice<'a> {
    /// Chooses.
    pub(crate) fn of(request: &'a Request, survey: &'a Survey) -> Self {
        let moved = moved_claims(request, survey);
        Self { request, survey, units: units(request, survey, &moved), moved }
    }

    /// Returns the claims that are moved, in the order of their units.
    pub(crate) fn claims(&self) -> impl Iterator<Item = &MovedClaim<'a>> {
        self.units.iter().flat_map(|unit| &unit.claims)
    }

    /// Whether the app runs at all, so that there is an outage.
    pub(crate) fn app_runs(&self) -> bool {
        self.survey.app.replicas > 0
    }

    /// Returns the class that is moved to, if it is there.
    pub(crate) fn class(&self) -> Option<&'a ClassSeen> {
        match &self.request.destination {
            Destination::StorageClass { name } => self.survey.class(name),
            Destination::KeptVolumes { .. } => None,
        }
    }
}
