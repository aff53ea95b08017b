//! What must hold at every moment, whatever went wrong; looked at after every call.
//!
//! It knows the truth (what apps were told is stored, what is on every disk) and shares no code with the product.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use kubectl_stateful::mover::pass::digest_tree;
use kubectl_stateful::plan::Plan;
use serde_json::{Value, json};

use super::Sim;
use super::disks::Holds;
use super::outcome::Side;
use super::store::{is_terminating, text};

impl Sim {
    pub(super) fn violate(&mut self, what: String) {
        self.violations.push(what);
    }

    pub(super) fn judge(&mut self) {
        let at = (self.store.moves(), self.disks.changes());
        if self.judged_at.replace(at) == Some(at) {
            return;
        }
        self.note_volumes_elsewhere();
        self.the_only_copies_are_safe();
        self.claims_are_on_proven_volumes();
        self.nobody_writes_beside_another();
        self.volumes_with_data_name_a_claim();
        self.the_neighbour_is_left_alone();
    }

    /// A volume whose claim reference is empty is anybody's.
    fn volumes_with_data_name_a_claim(&mut self) {
        for volume in self.disks.names() {
            let free = self.store.get("persistentvolumes", "", &volume).is_some_and(|object| object["spec"]["claimRef"].is_null());
            if free && self.disks.holds(&volume).lines > 0 {
                self.violate(format!("volume {volume} holds data and is open to any claim"));
            }
        }
    }

    fn is_whole(&mut self, volume: &str, dataset: &str) -> bool {
        let acked = self.acked.get(dataset).copied().unwrap_or(0);
        let Holds { dataset: held, lines, .. } = self.disks.holds(volume);
        held == dataset && lines == acked
    }

    /// For each dataset there is a volume with all of it that nothing can reclaim, delete or hand to another claim.
    fn the_only_copies_are_safe(&mut self) {
        let datasets: Vec<String> = self.acked.keys().cloned().collect();
        for dataset in datasets {
            let volumes = self.disks.names();
            let whole: Vec<String> = volumes.into_iter().filter(|volume| self.is_whole(volume, &dataset)).collect();
            if !whole.iter().any(|volume| self.is_safe(volume, &dataset)) {
                self.violate(format!("no complete copy of {dataset} is safe (complete: {whole:?})"));
            }
        }
    }

    fn is_safe(&self, volume: &str, dataset: &str) -> bool {
        let Some(object) = self.store.get("persistentvolumes", "", volume) else { return false };
        let reference = &object["spec"]["claimRef"];
        // With no claim named anybody's claim could take it.
        if reference.is_null() || is_terminating(object) && !self.was_deleted {
            return false;
        }
        if text(object, "/spec/persistentVolumeReclaimPolicy") == "Retain" {
            return true;
        }
        // On Delete, it is as safe as the app's own claim on it.
        let claim = self.store.get("persistentvolumeclaims", text(reference, "/namespace"), dataset);
        text(reference, "/name") == dataset
            && claim.is_some_and(|claim| {
                (!is_terminating(claim) || self.was_deleted)
                    && text(claim, "/metadata/uid") == text(reference, "/uid")
                    && text(claim, "/spec/volumeName") == volume
            })
    }

    /// A claim of the app is on the volume it always was on, or on one that was proven since the app last wrote.
    fn claims_are_on_proven_volumes(&mut self) {
        let datasets: Vec<String> = self.acked.keys().cloned().collect();
        for dataset in datasets {
            let Some(claim) = self.store.get("persistentvolumeclaims", "app", &dataset) else { continue };
            if self.is_made_by_tool(claim) {
                continue;
            }
            let on = text(claim, "/spec/volumeName").to_owned();
            let was_here = self.trusted.get(&dataset).is_some_and(|volumes| volumes.contains(&on));
            // Where it was once it may be again, as long as it missed nothing there.
            // The first volume an app ever writes to, such as a new replica's, is its own.
            if let Entry::Vacant(first) = self.trusted.entry(dataset.clone()) {
                first.insert(BTreeSet::from([on]));
                continue;
            }
            if on.is_empty() || was_here && self.is_whole(&on, &dataset) {
                continue;
            }
            let acked = self.acked[&dataset];
            let good = |holds: &Holds| holds.dataset == dataset && holds.lines == acked && holds.is_ended;
            let proven = self.proven.get(&on).is_some_and(good);
            // Of a claim that somebody deletes a set makes another, empty one. A run that ends well may not leave it at that.
            if !proven && !self.may_discard && !self.was_deleted {
                self.violate(format!("claim {dataset} is on volume {on}, which was not proven"));
            }
            self.trusted.entry(dataset).or_default().insert(on);
        }
    }

    /// What is so now is how the user had it.
    pub(crate) fn trust(&mut self) {
        for claim in self.store.copies("persistentvolumeclaims") {
            let on = text(&claim, "/spec/volumeName").to_owned();
            self.trusted.entry(text(&claim, "/metadata/name").to_owned()).or_default().insert(on);
        }
    }

    /// No two pods of the app run on different volumes of one dataset.
    fn nobody_writes_beside_another(&mut self) {
        let mut writing: Vec<(String, String)> = self.mounted.values().flatten().cloned().collect();
        writing.sort();
        let twice = writing.windows(2).find(|pair| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1);
        if let Some(pair) = twice {
            let said = format!("the app writes to {} and {} for claim {}", pair[0].1, pair[1].1, pair[0].0);
            self.violate(said);
        }
    }

    /// Called when a mover makes a pass.
    pub(super) fn check_pass(&mut self, source: &str, target: &str, last: bool) {
        let in_use: Vec<String> = self.mounted.values().flatten().map(|(_, volume)| volume.clone()).collect();
        if in_use.iter().any(|volume| volume == target) {
            self.violate(format!("a mover writes to {target}, which the app has mounted"));
        }
        // A user who was promised a short outage accepts a long one, or there is none.
        if !last {
            self.warmed.insert(target.to_owned());
        } else if self.expects_warm && !self.accepts_outage && !self.warmed.contains(target) {
            self.violate(format!("the app waits for the whole copy to {target}, which nobody accepted"));
        }
        // Somebody who scales the app up in that moment cannot be kept from it; what was read meanwhile must not be used.
        if last && !self.was_scaled && in_use.iter().any(|volume| volume == source) {
            self.violate(format!("a last pass reads {source}, which the app has mounted"));
        }
    }

    /// What must hold when a run has come to rest with the app running.
    pub(crate) fn check_at_rest(&mut self, labels_may_stay: bool) {
        // Who could not give a lease back lets it run out.
        let kinds = if self.was_void { &["pods", "persistentvolumeclaims"][..] } else { &["pods", "persistentvolumeclaims", "leases"] };
        for kind in kinds {
            let left: Vec<String> = self
                .store
                .all(kind, "")
                .filter(|one| one["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "kubectl-stateful")
                .map(|one| format!("{kind}/{}", text(one, "/metadata/name")))
                .collect();
            if !left.is_empty() {
                self.violate(format!("left behind: {left:?}"));
            }
        }
        let stale: Vec<String> = self
            .store
            .all("persistentvolumes", "")
            .filter(|one| one["metadata"]["labels"]["kubectl-stateful.dev/run"].is_string())
            .map(|one| text(one, "/metadata/name").to_owned())
            .filter(|name| !self.is_neighbour(name))
            .collect();
        if !labels_may_stay && !stale.is_empty() {
            self.violate(format!("volumes still bear our labels: {stale:?}"));
        }
        let runs = self.store.all("pods", "app").any(super::controllers::is_ready);
        if self.expects_pods && !runs && !self.lacks_a_claim() {
            self.violate("the app does not run".to_owned());
        }
    }
}

impl Sim {
    /// Somebody else deleted a claim that nobody makes again.
    fn lacks_a_claim(&self) -> bool {
        self.was_deleted && self.acked.keys().any(|claim| self.store.get("persistentvolumeclaims", "app", claim).is_none())
    }

    /// Where each claim is, and that everything else is as it was, once a run has ended.
    pub(crate) fn check_claims(&mut self, plan: &Plan, side: Side) {
        for one in &plan.moves {
            let claim = self.store.get("persistentvolumeclaims", "app", &one.claim).cloned().unwrap_or_default();
            if claim.is_null() && self.was_deleted {
                continue;
            }
            let on = text(&claim, "/spec/volumeName").to_owned();
            let class = if side == Side::Target { &one.target.class } else { &one.source.class };
            if text(&claim, "/status/phase") != "Bound"
                || is_terminating(&claim) && !self.was_deleted
                || class.as_deref() != claim["spec"]["storageClassName"].as_str()
            {
                self.violate(format!("in the end claim {} is {}", one.claim, claim["spec"]));
            }
            if (on == one.source.volume) != (side == Side::Source) {
                self.violate(format!("in the end claim {} is on volume {on}", one.claim));
            }
            if !self.is_whole(&on, &one.claim) {
                self.violate(format!("in the end volume {on} of claim {} is not complete", one.claim));
            }
            let kept = self.store.get("persistentvolumes", "", &one.source.volume);
            let policy = kept.map(|volume| text(volume, "/spec/persistentVolumeReclaimPolicy").to_owned());
            if side == Side::Target && policy.as_deref() != Some("Retain") && !self.was_unpinned && !self.was_deleted {
                self.violate(format!("the old volume {} is not kept: {policy:?}", one.source.volume));
            }
        }
        if side == Side::Source {
            self.check_as_it_was();
        }
    }

    /// What somebody else changed of the app meanwhile must still be there.
    pub(crate) fn check_edits(&mut self) {
        let apps = self.store.all("statefulsets", "").chain(self.store.all("deployments", ""));
        let kept = apps.into_iter().any(|app| app["spec"]["template"]["metadata"]["annotations"]["edited"] == "yes");
        if self.was_edited && !kept {
            self.violate("an edit of the app was lost".to_owned());
        }
        let apps = self.store.all("statefulsets", "").chain(self.store.all("deployments", ""));
        let annotated = apps
            .into_iter()
            .any(|app| app["metadata"]["annotations"]["console/reached-at"] == "[]" && app["metadata"]["labels"]["console/seen"] == "yes");
        if self.was_annotated && !annotated {
            self.violate("what somebody wrote to the app's metadata was lost".to_owned());
        }
    }

    fn check_as_it_was(&mut self) {
        let now = self.picture();
        let before = self.before.clone();
        for (name, value) in &before {
            let mut is = now.get(name).cloned().unwrap_or_default();
            if self.was_scaled && !is["spec"]["replicas"].is_null() {
                is["spec"]["replicas"] = value["spec"]["replicas"].clone();
            }
            if self.was_annotated && !is["labels"].is_null() {
                is["labels"].as_object_mut().map(|labels| labels.remove("console/seen"));
                if is["labels"].as_object().is_some_and(|labels| labels.is_empty()) {
                    is["labels"] = Value::Null;
                }
            }
            if self.was_moved && name.starts_with("pods/") && !is.is_null() {
                is["spec"]["nodeName"] = value["spec"]["nodeName"].clone();
            }
            if self.was_edited && !is["spec"]["template"].is_null() {
                is["spec"]["template"] = value["spec"]["template"].clone();
            }
            // Of what somebody deletes, nobody can say how it would be; nor of pods that cannot run without.
            if self.was_deleted && name.starts_with("persistentvolume") || name.starts_with("pods") && self.lacks_a_claim() {
                continue;
            }
            if is != *value {
                self.violate(format!("{name} is not as it was:\n      {value}\n      {is}"));
            }
        }
        let more: Vec<String> = now.keys().filter(|name| !before.contains_key(*name)).cloned().collect();
        if !more.is_empty() && !self.was_scaled && !self.was_made_again {
            self.violate(format!("there was no {more:?} before"));
        }
    }

    /// Everything that is the user's, without what is new whenever an object is made again.
    pub(crate) fn picture(&self) -> BTreeMap<String, Value> {
        const KINDS: [&str; 5] = ["statefulsets", "deployments", "pods", "persistentvolumeclaims", "persistentvolumes"];
        let mut all = BTreeMap::new();
        for kind in KINDS {
            for object in self.store.all(kind, "") {
                let name = text(object, "/metadata/name");
                // Pods of a replica set have names by chance.
                let is_by_chance = kind == "pods" && object["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet";
                let name = if is_by_chance { "*" } else { name };
                let mut spec = object["spec"].clone();
                for field in ["uid", "resourceVersion"] {
                    spec["claimRef"].as_object_mut().map(|reference| reference.remove(field));
                }
                let owners: Vec<&str> =
                    object["metadata"]["ownerReferences"].as_array().into_iter().flatten().map(|owner| text(owner, "/name")).collect();
                let owners: Vec<&str> = if is_by_chance { Vec::new() } else { owners };
                let value = json!({ "spec": spec, "labels": object["metadata"]["labels"], "owners": owners });
                all.insert(format!("{kind}/{name}"), value);
            }
        }
        all
    }

    /// A receipt says what is true: source and target have this very digest. Only while the app has not written since.
    pub(crate) fn check_receipts(&mut self, plan: &Plan, receipts: &[(String, String)]) {
        for one in &plan.moves {
            let Some((_, root)) = receipts.iter().find(|(slot, _)| *slot == one.slot.0) else {
                self.violate(format!("there is no receipt for claim {}", one.claim));
                continue;
            };
            if (self.was_unpinned || self.was_deleted) && !self.disks.names().contains(&one.source.volume) {
                continue;
            }
            let path = self.disks.path(&one.source.volume);
            let digest =
                digest_tree::digest(&path, self.disks.mode(&one.source.volume), &self.disks.state_of("judge")).map(|root| root.hex());
            if digest.as_ref().ok() != Some(root) {
                self.violate(format!("the receipt of claim {} says {root}, its old volume is {digest:?}", one.claim));
            }
        }
    }
}
