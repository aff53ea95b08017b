//! What steps work on: the clusters, the run whose objects they make, its movers, and what the user accepts.
//!
//! It makes no change itself.

use std::sync::{Mutex, MutexGuard};

use serde_json::{Map, Value};

use super::failure::StepError;
use super::mover::Movers;
use crate::cluster::{Connection, Place};
use crate::journal::RunState;
use crate::plan::{ASSUMED_BYTES_PER_SECOND, App, ClaimMove, End, Plan, RunId, Slot, Subject, shape};

/// What steps work on: two places, which are one and the same unless the app moves to another namespace or cluster.
pub struct World {
    source: Place,
    target: Place,
    /// The app, as it was when the plan was made.
    pub app: App,
    moves: Vec<ClaimMove>,
    /// The namespace of the run.
    pub namespace: String,
    /// The run all objects of ours belong to, within that namespace.
    pub run: RunId,
    /// The digest of its plan, which the volumes it pins bear.
    pub plan_digest: String,
    /// Its mover pods.
    pub movers: Movers,
    /// How long a last pass may take at most by the user's word, in milliseconds, even if it was to be shorter.
    pub accepted_outage_ms: Option<u64>,
    /// How long a copy of all volumes while the app is stopped is assumed to take, in milliseconds.
    pub whole_copy_ms: u64,
    /// What others have written to the metadata of the stateful set since the plan was made, as it was when the set was deleted: a merge patch.
    noted: Mutex<Option<Value>>,
}

impl World {
    /// The world of a run both of whose ends are one place.
    pub fn within(cluster: &Connection, plan: &Plan) -> Self {
        let place = Place { connection: cluster.clone(), namespace: plan.namespace().to_owned() };
        Self {
            source: place.clone(),
            target: place,
            app: plan.app.clone(),
            moves: plan.moves.clone(),
            namespace: plan.namespace().to_owned(),
            run: plan.run().clone(),
            plan_digest: plan.digest(),
            movers: Movers::of(plan),
            accepted_outage_ms: plan.request.accept_outage_secs.map(|secs| secs.saturating_mul(1000)),
            whole_copy_ms: whole_copy_ms(plan),
            noted: Mutex::default(),
        }
    }

    /// The place of an end.
    pub fn at(&self, end: End) -> &Place {
        match end {
            End::Source => &self.source,
            End::Target => &self.target,
        }
    }

    /// The claim that is moved in a slot.
    pub(super) fn claim(&self, slot: &Slot) -> Result<&ClaimMove, StepError> {
        let subject = Subject { app: &self.app, moves: &self.moves };
        subject.find(slot).ok_or_else(|| StepError::failed(format!("no claim of run {} has slot {slot}", self.run)))
    }

    /// The names of the claims that are moved.
    pub(super) fn claim_names(&self) -> Vec<String> {
        self.moves.iter().map(|one| one.claim.clone()).collect()
    }

    /// The names of the claims in slots.
    pub(super) fn claims_in(&self, slots: &[Slot]) -> Vec<String> {
        self.moves.iter().filter(|one| slots.contains(&one.slot)).map(|one| one.claim.clone()).collect()
    }

    /// A claim's name at an end, as `NAMESPACE/NAME`.
    pub(super) fn full_name(&self, end: End, claim: &str) -> String {
        format!("{}/{claim}", self.at(end).namespace)
    }

    /// The place of a mover pod.
    pub(super) fn at_mover(&self, pod: &str) -> &Place {
        self.at(self.movers.end(pod))
    }

    /// Takes from a journal what was noted of the set.
    pub(crate) fn recall(&self, state: &RunState) {
        if let Some((_, metadata)) = state.noted().last() {
            self.note(metadata.clone());
        }
    }

    /// Whether exactly this is noted of the set; nothing is the same as no change.
    pub(crate) fn has_noted(&self, metadata: &Value) -> bool {
        match self.noted().as_ref() {
            Some(noted) => noted == metadata,
            None => metadata.as_object().is_some_and(Map::is_empty),
        }
    }

    pub(crate) fn note(&self, metadata: Value) {
        *self.noted() = Some(metadata);
    }

    fn noted(&self) -> MutexGuard<'_, Option<Value>> {
        self.noted.lock().expect("no code panics while holding this lock")
    }

    /// Whether the user accepts that everything is copied while the app is stopped.
    pub(super) fn accepts_whole_copy(&self) -> bool {
        self.accepted_outage_ms.is_some_and(|accepted| accepted >= self.whole_copy_ms)
    }

    /// How a run is gone on with by somebody who accepts a longer outage, with room to spare beyond what is predicted.
    pub(super) fn consent(&self, predicted_ms: u64) -> String {
        let minutes = predicted_ms.saturating_mul(2).div_ceil(60_000).max(1);
        let (run, namespace) = (&self.run, &self.namespace);
        format!("accept a longer outage: kubectl stateful execute --resume {run} -n {namespace} --accept-outage {minutes}m")
    }

    /// A set that is made again, with what others have written to its metadata since the plan was made.
    pub(super) fn as_noted(&self, manifest: &Value) -> Value {
        self.noted().as_ref().map_or_else(|| manifest.clone(), |noted| shape::with_metadata(manifest, noted))
    }
}

/// See [`World::whole_copy_ms`]. How much of a volume is used a plan does not say, so that it counts whole.
fn whole_copy_ms(plan: &Plan) -> u64 {
    let bytes = plan.moves.iter().map(|one| one.source.capacity_bytes).fold(0, u64::saturating_add);
    let speed = plan.request.bytes_per_second_max.unwrap_or(ASSUMED_BYTES_PER_SECOND).clamp(1, ASSUMED_BYTES_PER_SECOND);
    (bytes / speed).saturating_mul(1000)
}
