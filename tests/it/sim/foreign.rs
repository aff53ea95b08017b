//! Somebody else: changes that people, autoscalers and other tools make in the middle of a run, each once, at a given call.

use serde_json::json;

use kubectl_stateful::plan::marks;

use super::Sim;
use super::http::Asked;
use super::store::{Deletion, text};

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// An autoscaler or a person scales the app up, or back up.
    Scales,
    /// A GitOps tool or an operator puts the replicas back.
    PutsReplicasBack,
    /// Somebody deletes a staging claim.
    DeletesStaging,
    /// Somebody deletes a mover pod.
    DeletesMover,
    /// Every mover's process is killed and started again.
    KillsMovers,
    /// Somebody deletes the lease.
    DeletesLease,
    /// Somebody takes our labels off a volume.
    TakesLabels,
    /// Somebody sets the source volume's reclaim policy back.
    UnpinsSource,
    /// Somebody annotates everything, so that all versions change.
    TouchesAll,
}

impl Deed {
    pub(crate) const ALL: [Deed; 9] = [
        Deed::Scales,
        Deed::PutsReplicasBack,
        Deed::DeletesStaging,
        Deed::DeletesMover,
        Deed::KillsMovers,
        Deed::DeletesLease,
        Deed::TakesLabels,
        Deed::UnpinsSource,
        Deed::TouchesAll,
    ];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Deed::Scales => "somebody scales the app to 3",
            Deed::PutsReplicasBack => "somebody puts the replicas back",
            Deed::DeletesStaging => "somebody deletes a staging claim",
            Deed::DeletesMover => "somebody deletes a mover pod",
            Deed::KillsMovers => "the movers crash",
            Deed::DeletesLease => "somebody deletes the lease",
            Deed::TakesLabels => "somebody takes our labels off a volume",
            Deed::UnpinsSource => "somebody sets a source volume back to Delete",
            Deed::TouchesAll => "somebody annotates everything",
        }
    }
}

/// A deed and when it is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hand {
    pub(crate) deed: Deed,
    pub(crate) call: u64,
}

const BY: &str = "kubectl-edit";

impl Sim {
    pub(crate) fn expect_hand(&mut self, hand: Hand) {
        self.hand = Some(hand);
    }

    pub(super) fn lend_foreign_hand(&mut self, _: &Asked) {
        if self.hand.is_some_and(|hand| hand.call == self.calls) {
            let deed = self.hand.take().expect("just seen").deed;
            self.trace.push(format!("*** {}", deed.words()));
            self.does(deed);
        }
    }

    fn does(&mut self, deed: Deed) {
        match deed {
            Deed::Scales => self.scales(3),
            Deed::PutsReplicasBack => self.scales(1),
            Deed::DeletesStaging => self.deletes_ours("persistentvolumeclaims"),
            Deed::DeletesMover => self.deletes_ours("pods"),
            Deed::KillsMovers => self.crash_movers(),
            Deed::DeletesLease => self.deletes_ours("leases"),
            Deed::TakesLabels => self.edits_volume(marks::ROLE_TARGET, json!({ "metadata": { "labels": { marks::RUN: null } } })),
            Deed::UnpinsSource => {
                self.was_unpinned = true;
                self.edits_volume(marks::ROLE_SOURCE, json!({ "spec": { "persistentVolumeReclaimPolicy": "Delete" } }));
            }
            Deed::TouchesAll => self.touches_all(),
        }
    }

    fn scales(&mut self, replicas: u32) {
        self.was_scaled = true;
        for kind in ["statefulsets", "deployments"] {
            for app in self.store.copies(kind) {
                let patch = json!({ "spec": { "replicas": replicas } });
                drop(self.store.patch(kind, "app", text(&app, "/metadata/name"), &patch, BY));
            }
        }
    }

    /// A person does what a hint says, as far as it is a command.
    pub(super) fn paste(&mut self, hint: &str) {
        let words: Vec<&str> = hint.split(' ').collect();
        match words.as_slice() {
            ["kubectl", "scale", app, "--replicas=0", "-n", "app"] => {
                let (kind, name) = app.split_once('/').expect("TYPE/NAME");
                let patch = json!({ "spec": { "replicas": 0 } });
                drop(self.store.patch(&format!("{kind}s"), "app", name, &patch, BY));
                self.settle();
            }
            _ => self.trace.push(format!("*** nobody can paste `{hint}`")),
        }
    }

    fn deletes_ours(&mut self, kind: &str) {
        let ours = self.store.copies(kind).into_iter().find(|one| one["metadata"]["labels"][marks::MANAGED_BY] == marks::US);
        if let Some(object) = ours {
            drop(self.store.delete(kind, "app", text(&object, "/metadata/name"), &Deletion::default()));
        }
    }

    fn edits_volume(&mut self, role: &str, patch: serde_json::Value) {
        let found = self.store.copies("persistentvolumes").into_iter().find(|one| one["metadata"]["labels"][marks::ROLE] == role);
        if let Some(volume) = found {
            drop(self.store.patch("persistentvolumes", "", text(&volume, "/metadata/name"), &patch, BY));
        }
    }

    fn touches_all(&mut self) {
        let all: Vec<super::store::Key> = self.store.every().into_iter().map(|(key, _)| key).collect();
        for (kind, space, name) in all {
            drop(self.store.patch(&kind, &space, &name, &json!({ "metadata": { "annotations": { "touched": "yes" } } }), BY));
        }
    }
}
