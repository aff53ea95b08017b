//! Going back after the app has run on the target: a move of its own, to the volumes that the first run kept.
//!
//! It is planned like any other, so what the app wrote since is copied back warm, proven, and only then the claims are swapped.

use crate::plan::{Destination, KeptVolume, Plan, Request, RunId};

/// The request that takes the app of a finished run back to its kept volumes.
pub fn request(plan: &Plan, volumes: Vec<KeptVolume>, run: RunId, made_at: String, discard_new_writes: bool) -> Request {
    Request {
        run,
        made_at,
        destination: Destination::KeptVolumes { run: plan.run().clone(), volumes, discard_new_writes },
        size_bytes: None,
        access_modes: Vec::new(),
        only_claims: plan.moves.iter().map(|one| one.claim.clone()).collect(),
        skip_claims: Vec::new(),
        ..plan.request.clone()
    }
}
