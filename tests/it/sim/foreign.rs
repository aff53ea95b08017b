//! Somebody else: changes that people, autoscalers and other tools make in the middle of a run, each once, at a given call.

use std::sync::Arc;

use serde_json::{Value, json};

use kubectl_stateful::plan::marks;

use super::Sim;
use super::http::Asked;
use super::store::{Deletion, is_terminating, text};

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
    /// A node that is short of memory fails a mover pod for good.
    EvictsMover,
    /// A mover pod is there for longer than it may be, and is failed for it.
    OutlivesMover,
    /// Somebody exchanges the image of a mover pod.
    PatchesMover,
    /// Somebody runs a pod on the app's claim that bears our label for movers.
    HidesPod,
    /// Somebody deletes the lease.
    DeletesLease,
    /// Somebody takes our labels off a volume.
    TakesLabels,
    /// Somebody sets the source volume's reclaim policy back.
    UnpinsSource,
    /// Somebody annotates everything but the app, so that all versions change.
    TouchesAll,
    /// Somebody edits the app's template.
    EditsApp,
    /// Somebody deletes a claim of the app.
    DeletesClaim,
    /// Somebody deletes the source volume.
    DeletesSource,
    /// Somebody deletes the target volume.
    DeletesTarget,
    /// Somebody deletes the journal.
    DeletesJournal,
    /// Somebody cuts off the journal's last entry.
    CutsJournal,
    /// Somebody changes the journal's first entry.
    ChangesJournal,
    /// A GitOps tool makes the missing set again, from its manifest of old.
    MakesSetAgain,
    /// The scheduler puts the next of the app's pods where a claim could be used that it remembers, not where it can be now.
    Misplaces,
    /// The kubelet evicts a pod of the app, whose object stays.
    EvictsApp,
    /// A console annotates the app, and labels it.
    AnnotatesApp,
    /// An administrator cordons the node of the app's pod and deletes the pod, which goes elsewhere.
    MovesApp,
    /// Somebody's controller puts its finalizer on the app.
    HoldsApp,
    /// Somebody's controller puts its finalizer on the app's pods.
    HoldsPods,
}

impl Deed {
    pub(crate) const ALL: [Deed; 26] = [
        Deed::Scales,
        Deed::PutsReplicasBack,
        Deed::DeletesStaging,
        Deed::DeletesMover,
        Deed::KillsMovers,
        Deed::EvictsMover,
        Deed::OutlivesMover,
        Deed::PatchesMover,
        Deed::DeletesLease,
        Deed::TakesLabels,
        Deed::UnpinsSource,
        Deed::TouchesAll,
        Deed::EditsApp,
        Deed::DeletesClaim,
        Deed::DeletesSource,
        Deed::DeletesTarget,
        Deed::DeletesJournal,
        Deed::CutsJournal,
        Deed::ChangesJournal,
        Deed::MakesSetAgain,
        Deed::Misplaces,
        Deed::EvictsApp,
        Deed::AnnotatesApp,
        Deed::MovesApp,
        Deed::HoldsApp,
        Deed::HoldsPods,
    ];

    /// Whether objects of a kind may be others after it.
    pub(super) fn changes(self, plural: &str) -> bool {
        match self {
            Deed::Scales | Deed::PutsReplicasBack | Deed::EditsApp | Deed::MakesSetAgain | Deed::AnnotatesApp | Deed::HoldsApp => {
                matches!(plural, "statefulsets" | "deployments")
            }
            Deed::DeletesStaging | Deed::DeletesClaim => plural == "persistentvolumeclaims",
            Deed::DeletesMover
            | Deed::KillsMovers
            | Deed::EvictsMover
            | Deed::OutlivesMover
            | Deed::PatchesMover
            | Deed::HidesPod
            | Deed::EvictsApp
            | Deed::MovesApp
            | Deed::HoldsPods
            | Deed::Misplaces => plural == "pods",
            Deed::DeletesLease => plural == "leases",
            Deed::TakesLabels | Deed::UnpinsSource | Deed::DeletesSource | Deed::DeletesTarget => plural == "persistentvolumes",
            Deed::TouchesAll => plural != "statefulsets",
            Deed::DeletesJournal | Deed::CutsJournal | Deed::ChangesJournal => plural == "configmaps",
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Deed::Scales => "scales the app to 3",
            Deed::PutsReplicasBack => "puts the replicas back",
            Deed::DeletesStaging => "deletes a staging claim",
            Deed::DeletesMover => "deletes a mover pod",
            Deed::KillsMovers => "kills every mover's process",
            Deed::EvictsMover => "evicts a mover pod",
            Deed::OutlivesMover => "lets a mover pod outlive its deadline",
            Deed::PatchesMover => "exchanges the image of a mover pod",
            Deed::HidesPod => "runs a pod that is labelled as a mover",
            Deed::DeletesLease => "deletes the lease",
            Deed::TakesLabels => "takes our labels off a volume",
            Deed::UnpinsSource => "sets a source volume back to Delete",
            Deed::TouchesAll => "annotates everything but the app",
            Deed::EditsApp => "edits the app's template",
            Deed::DeletesClaim => "deletes a claim of the app",
            Deed::DeletesSource => "deletes the source volume",
            Deed::DeletesTarget => "deletes the target volume",
            Deed::DeletesJournal => "deletes the journal",
            Deed::CutsJournal => "cuts off the journal's last entry",
            Deed::ChangesJournal => "changes the journal's first entry",
            Deed::MakesSetAgain => "makes the missing set again, as it was",
            Deed::Misplaces => "puts the app's next pod on a wrong node",
            Deed::EvictsApp => "evicts a pod of the app",
            Deed::AnnotatesApp => "annotates and labels the app",
            Deed::MovesApp => "drains the node of the app's pod",
            Deed::HoldsApp => "puts a finalizer on the app",
            Deed::HoldsPods => "puts a finalizer on the app's pods",
        }
    }
}

/// A deed and when it is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hand {
    pub(crate) deed: Deed,
    pub(crate) call: u64,
}

/// What is done to a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    Cut,
    Changed,
}

const BY: &str = "kubectl-edit";

/// How long a node is cordoned, in milliseconds.
const CORDONED_MS: u64 = 120_000;

/// The finalizer of somebody's controller.
const HOLD: &str = "example.org/hold";

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
            Deed::PutsReplicasBack => self.scales(self.manifest["spec"]["replicas"].as_u64().unwrap_or(1)),
            Deed::DeletesStaging => self.deletes_ours("persistentvolumeclaims"),
            Deed::DeletesMover => self.deletes_ours("pods"),
            Deed::KillsMovers => self.crash_movers(),
            Deed::EvictsMover => self.fail_mover("Evicted", "The node was low on resource: memory."),
            Deed::OutlivesMover => self.fail_mover("DeadlineExceeded", "Pod was active on the node longer than the specified deadline"),
            Deed::PatchesMover => self.patches_mover(),
            Deed::HidesPod => self.hides_pod(),
            Deed::DeletesLease => self.deletes_ours("leases"),
            Deed::TakesLabels => self.edits_volume(marks::ROLE_TARGET, json!({ "metadata": { "labels": { marks::RUN: null } } })),
            Deed::UnpinsSource => {
                self.was_unpinned = true;
                self.edits_volume(marks::ROLE_SOURCE, json!({ "spec": { "persistentVolumeReclaimPolicy": "Delete" } }));
            }
            Deed::TouchesAll => self.touches_all(),
            Deed::EditsApp => self.edits_app(),
            Deed::DeletesClaim => self.deletes_claim(),
            Deed::DeletesSource => self.deletes_volume(marks::ROLE_SOURCE),
            Deed::DeletesTarget => self.deletes_volume(marks::ROLE_TARGET),
            Deed::DeletesJournal => self.deletes_journal(),
            Deed::CutsJournal => drop(self.damages_journal(Damage::Cut, usize::MAX)),
            Deed::ChangesJournal => drop(self.damages_journal(Damage::Changed, 0)),
            Deed::MakesSetAgain => self.makes_set_again(),
            Deed::Misplaces => self.scheduler_is_behind = true,
            Deed::EvictsApp => self.evicts_app_pod(),
            Deed::AnnotatesApp => self.annotates_app(),
            Deed::MovesApp => self.moves_app(),
            Deed::HoldsApp => self.holds(&["statefulsets", "deployments"]),
            Deed::HoldsPods => self.holds(&["pods"]),
        }
    }

    fn annotates_app(&mut self) {
        for kind in ["statefulsets", "deployments"] {
            for app in self.store.copies(kind).into_iter().filter(|app| !is_terminating(app)) {
                let patch = json!({ "metadata": { "annotations": { "console/reached-at": "[]" }, "labels": { "console/seen": "yes" } } });
                self.was_annotated |= self.store.patch(kind, "app", text(&app, "/metadata/name"), &patch, BY).is_ok();
            }
        }
    }

    fn moves_app(&mut self) {
        let is_apps = |pod: &&Arc<Value>| !super::kubelet::is_mover(pod) && !text(pod, "/spec/nodeName").is_empty() && !is_terminating(pod);
        let Some(pod) = self.store.copies("pods").iter().find(is_apps).cloned() else { return };
        drop(self.store.patch("nodes", "", text(&pod, "/spec/nodeName"), &json!({ "spec": { "unschedulable": true } }), BY));
        self.was_moved = true;
        self.cordoned_until = Some(self.store.now + CORDONED_MS);
        if pod["metadata"]["ownerReferences"].is_array() {
            drop(self.store.delete("pods", "app", text(&pod, "/metadata/name"), &Deletion::default()));
        }
    }

    /// The node's maintenance is over.
    pub(super) fn uncordon(&mut self) {
        if self.cordoned_until.is_none_or(|until| self.store.now < until) {
            return;
        }
        self.cordoned_until = None;
        for node in self.store.copies("nodes") {
            self.store.change("nodes", "", text(&node, "/metadata/name"), BY, |node| {
                node["spec"].as_object_mut().map(|spec| spec.remove("unschedulable"));
            });
        }
    }

    /// A controller that acts when these are deleted. It does so for good only when a person has found it.
    fn holds(&mut self, kinds: &[&str]) {
        for kind in kinds {
            let ours = |one: &&Arc<Value>| one["metadata"]["labels"][marks::MANAGED_BY] == marks::US || is_terminating(one);
            for app in self.store.copies(kind).iter().filter(|one| !ours(one)) {
                self.was_held = true;
                drop(self.store.patch(kind, "app", text(app, "/metadata/name"), &json!({ "metadata": { "finalizers": [HOLD] } }), BY));
            }
        }
    }

    /// A person finds the controller, and has it let go.
    pub(super) fn let_go(&mut self) {
        for kind in ["statefulsets", "deployments", "pods"] {
            for one in self.store.copies(kind) {
                self.store.change(kind, "app", text(&one, "/metadata/name"), BY, |one| {
                    if let Some(all) = one["metadata"]["finalizers"].as_array_mut() {
                        all.retain(|finalizer| finalizer != HOLD);
                    }
                });
            }
        }
        self.was_held = false;
    }

    fn scales(&mut self, replicas: u64) {
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

    /// The image of a container may be changed while it runs; the kubelet then starts it anew.
    fn patches_mover(&mut self) {
        let Some(pod) = self.store.copies("pods").into_iter().find(|pod| super::kubelet::is_mover(pod)) else { return };
        let mut containers = pod["spec"]["containers"].clone();
        containers[0]["image"] = json!("evil");
        let name = text(&pod, "/metadata/name").to_owned();
        drop(self.store.patch("pods", "app", &name, &json!({ "spec": { "containers": containers } }), BY));
    }

    fn hides_pod(&mut self) {
        let claim = self.acked.keys().next().expect("the app has a claim").clone();
        let pod = json!({ "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": "sneaky", "labels": { marks::ROLE: marks::ROLE_MOVER, marks::RUN: "m1", "app": "sneaky" } },
            "spec": { "containers": [{ "name": "c", "image": "app:1", "volumeMounts": [{ "name": "data", "mountPath": "/data" }] }],
                "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": claim } }] } });
        drop(self.store.create("pods", "app", &pod, BY, false));
    }

    /// The first volume of the run under test in a role.
    fn volume_as(&self, role: &str) -> Option<std::sync::Arc<Value>> {
        let is_it =
            |one: &std::sync::Arc<Value>| one["metadata"]["labels"][marks::ROLE] == role && !self.is_neighbour(text(one, "/metadata/name"));
        self.store.copies("persistentvolumes").into_iter().find(is_it)
    }

    fn edits_volume(&mut self, role: &str, patch: Value) {
        let found = self.volume_as(role);
        if let Some(volume) = found {
            drop(self.store.patch("persistentvolumes", "", text(&volume, "/metadata/name"), &patch, BY));
        }
    }

    fn edits_app(&mut self) {
        for kind in ["statefulsets", "deployments"] {
            // An edit of what is being deleted goes with it.
            for app in self.store.copies(kind).into_iter().filter(|app| !is_terminating(app)) {
                let patch = json!({ "spec": { "template": { "metadata": { "annotations": { "edited": "yes" } } } } });
                self.was_edited |= self.store.patch(kind, "app", text(&app, "/metadata/name"), &patch, BY).is_ok();
            }
        }
    }

    fn deletes_claim(&mut self) {
        self.was_deleted = true;
        let datasets: Vec<String> = self.acked.keys().cloned().collect();
        for claim in datasets.into_iter().take(1) {
            if self.is_given_up_with(&claim) {
                self.acked.remove(&claim);
            }
            drop(self.store.delete("persistentvolumeclaims", "app", &claim, &Deletion::default()));
        }
    }

    /// Whether the data goes with a claim at once, as its user had it: its volume is on Delete, and nothing runs on it.
    fn is_given_up_with(&self, claim: &str) -> bool {
        let volume = self.store.get("persistentvolumeclaims", "app", claim).map_or("", |claim| text(claim, "/spec/volumeName"));
        let policy =
            self.store.get("persistentvolumes", "", volume).map_or("", |volume| text(volume, "/spec/persistentVolumeReclaimPolicy"));
        policy == "Delete" && !self.mounted.values().flatten().any(|(_, mounted)| mounted == volume)
    }

    fn deletes_volume(&mut self, role: &str) {
        let found = self.volume_as(role);
        if let Some(volume) = found {
            self.was_deleted = true;
            drop(self.store.delete("persistentvolumes", "", text(&volume, "/metadata/name"), &Deletion::default()));
        }
    }

    fn deletes_journal(&mut self) {
        self.was_forgotten = true;
        for map in self.store.copies("configmaps") {
            drop(self.store.delete("configmaps", "app", text(&map, "/metadata/name"), &Deletion::default()));
        }
    }

    /// Cuts the journal off before an entry, or changes that entry; beyond the end means the last one. Says whether it did.
    pub(super) fn damages_journal(&mut self, how: Damage, at: usize) -> bool {
        let pieces = self.pieces_of_journal();
        let piece = if at == usize::MAX { pieces.iter().rfind(|piece| has_entries(piece)) } else { pieces.first() };
        let Some(piece) = piece else { return false };
        self.was_forgotten = true;
        let data = piece["data"].as_object().expect("entries");
        let at = at.min(data.len() - 1);
        let damaged: serde_json::Map<String, Value> = match how {
            Damage::Cut => data.keys().skip(at).map(|key| (key.clone(), Value::Null)).collect(),
            Damage::Changed => {
                let (key, entry) = data.iter().nth(at).expect("it is within");
                let entry = entry.as_str().expect("a text").replacen("\"at\":\"20", "\"at\":\"19", 1);
                [(key.clone(), Value::String(entry))].into_iter().collect()
            }
        };
        self.store.patch("configmaps", "app", text(piece, "/metadata/name"), &json!({ "data": damaged }), BY).is_ok()
    }

    /// Deletes the last piece of a journal that has several; says whether it has.
    pub(super) fn deletes_last_piece(&mut self) -> bool {
        let pieces = self.pieces_of_journal();
        let [_, .., last] = pieces.as_slice() else { return false };
        drop(self.store.delete("configmaps", "app", text(last, "/metadata/name"), &Deletion::default()));
        true
    }

    /// Of one run, in order, as long as there are no more than ten.
    fn pieces_of_journal(&self) -> Vec<Arc<Value>> {
        let mut pieces = self.store.copies("configmaps");
        pieces.retain(|map| map["metadata"]["labels"][marks::RECORD] == "journal");
        let run = pieces.first().map(|piece| piece["metadata"]["labels"][marks::RUN].clone());
        pieces.retain(|piece| run.as_ref() == Some(&piece["metadata"]["labels"][marks::RUN]));
        pieces
    }

    fn makes_set_again(&mut self) {
        if !self.manifest.is_null() && self.store.copies("statefulsets").is_empty() {
            self.was_made_again = true;
            let set = self.manifest.clone();
            drop(self.store.create("statefulsets", "app", &set, "argocd-controller", false));
        }
    }

    /// A person does what an error asks for: takes away what a tool made.
    pub(super) fn heed(&mut self, trouble: &str) {
        if !(trouble.contains("made by somebody else")
            || trouble.contains("is not as planned")
            || trouble.contains("made anew")
            || trouble.contains("has other claim templates"))
        {
            return;
        }
        self.trace.push("*** a person takes away what was made".to_owned());
        let orphan = Deletion { orphan: true, ..Deletion::default() };
        drop(self.store.delete("statefulsets", "app", "db", &orphan));
        self.settle();
        for pod in self.store.copies("pods") {
            if pod["metadata"]["labels"]["app"] == "db" {
                drop(self.store.delete("pods", "app", text(&pod, "/metadata/name"), &Deletion::default()));
            }
        }
        self.settle();
        for claim in self.store.copies("persistentvolumeclaims") {
            if self.is_made_by_tool(&claim) {
                drop(self.store.delete("persistentvolumeclaims", "app", text(&claim, "/metadata/name"), &Deletion::default()));
            }
        }
        self.settle();
    }

    /// Whether a claim is on a volume that no run knows.
    pub(super) fn is_made_by_tool(&self, claim: &Value) -> bool {
        let volume = self.store.get("persistentvolumes", "", text(claim, "/spec/volumeName"));
        self.was_made_again && volume.is_none_or(|volume| volume["metadata"]["labels"][marks::ROLE].is_null())
    }

    fn touches_all(&mut self) {
        let all: Vec<super::store::Key> =
            self.store.every().into_iter().map(|(key, _)| key).filter(|key| key.0 != "statefulsets").collect();
        for (kind, space, name) in all {
            drop(self.store.patch(&kind, &space, &name, &json!({ "metadata": { "annotations": { "touched": "yes" } } }), BY));
        }
        self.excuse_neighbour();
    }
}

/// Whether a piece of a journal has any.
fn has_entries(piece: &Value) -> bool {
    piece["data"].as_object().is_some_and(|data| !data.is_empty())
}
