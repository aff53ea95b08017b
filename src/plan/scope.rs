//! The reach of a plan: it touches the app it is for and what it makes itself, and nothing else, whoever wrote it.
//!
//! Every namespace, name and manifest of every step is held against the app and its moves. What a plan says of the cluster besides
//! (uids, classes, the app's own template) cannot be judged here: steps compare it with what they find.

use serde_json::{Value, json};

use super::names::{self, staging_name};
use super::shape::{CLASS_ANNOTATION, OF_OLD_CLASS, is_of_shape};
use super::step::{AdoptClaim, ClearPods, Drain, PinReclaim, ReleaseClaim, ReopenVolume, ReserveTarget, RestoreSet, Route, StartMover};
use super::{ClaimMove, Destination, Plan, Step, marks, mover_pod};
use crate::survey::AppKind;

/// The access modes there are (<https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes>).
const MODES: [&str; 4] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];

/// Reclaim policies of a volume.
const POLICIES: [&str; 3] = ["Retain", "Delete", "Recycle"];

/// Returns what a plan names that is not its app's; empty: nothing.
pub(super) fn faults(plan: &Plan) -> Vec<String> {
    let mut scope = Scope { plan, step: String::new(), faults: Vec::new() };
    scope.head();
    // What follows compares with the head: if that is no good, neither is the rest.
    if scope.faults.is_empty() {
        for (_, planned) in plan.steps() {
            scope.step.clone_from(&planned.id.0);
            if !names::is_own(&planned.id.0) {
                scope.fault("has an id that is no name".to_owned());
            }
            scope.one(&planned.step);
        }
    }
    scope.faults
}

struct Scope<'a> {
    plan: &'a Plan,
    step: String,
    faults: Vec<String>,
}

impl<'a> Scope<'a> {
    fn fault(&mut self, what: String) {
        let what = if self.step.is_empty() { what } else { format!("step `{}` {what}", self.step) };
        self.faults.push(what);
    }

    /// The app, the run and the moves, by which the steps are judged.
    fn head(&mut self) {
        let plan = self.plan;
        if !names::is_namespace(plan.namespace()) {
            self.fault(format!("`{}` is no name of a namespace", plan.namespace()));
        }
        if !names::is_run(&plan.run().0) {
            self.fault(format!("`{}` is no name of a run", plan.run()));
        }
        let objects = plan.moves.iter().flat_map(|one| [&one.claim, &one.source_volume]).chain([&plan.app.name]);
        for name in objects.filter(|name| !names::is_object(name)) {
            self.faults.push(format!("`{name}` is no name of an object"));
        }
        let twice = |one: &ClaimMove| plan.moves.iter().filter(|other| other.slot == one.slot || other.claim == one.claim).count() > 1;
        for one in plan.moves.iter().filter(|one| !names::is_own(&one.slot) || one.slot.contains('/') || twice(one)) {
            self.faults.push(format!("the move of claim {} is not the only one of its claim or slot", one.claim));
        }
        self.destination();
    }

    fn modes(&mut self, modes: &[String]) {
        if let Some(mode) = modes.iter().find(|mode| !MODES.contains(&mode.as_str())) {
            self.fault(format!("`{mode}` is no access mode"));
        }
    }

    fn destination(&mut self) {
        self.modes(&self.plan.request.access_modes);
        let Destination::KeptVolumes { volumes, .. } = &self.plan.request.destination else { return };
        for kept in volumes {
            if !names::is_object(&kept.volume) || !POLICIES.contains(&kept.reclaim_policy.as_str()) {
                self.fault(format!("kept volume `{}` has no name, or no reclaim policy", kept.volume));
            }
            self.modes(&kept.access_modes);
            self.reference(&kept.claim_ref, &kept.claim);
            self.kept_labels(&kept.labels);
        }
    }

    fn one(&mut self, step: &Step) {
        match step {
            Step::PinReclaim(step) => self.pin_reclaim(step),
            Step::PinRetention(step) => {
                self.set(&step.namespace, &step.set, Some(&step.uid));
                self.claims(&step.claims);
            }
            Step::ReopenVolume(step) => self.reopen(step),
            Step::ReserveTarget(step) => self.reserve(step),
            Step::StartMover(step) => self.start_mover(step),
            Step::AwaitMover(step) => self.mover(&step.namespace, &step.pod),
            Step::PinTarget(step) => {
                self.full_claim(&step.slot, &step.claim);
                self.staging(&step.slot, &step.namespace, &step.staging);
            }
            Step::WarmCopy(step) => self.route(&step.route),
            Step::Drain(step) => self.drain(step),
            Step::ClearPods(step) => self.clear_pods(step),
            Step::RemovePod(step) => {
                self.app(AppKind::Pod, &step.namespace, &step.name, Some(&step.uid));
                self.claims(&step.claims);
                self.object(&step.manifest_before, "v1", "Pod", &step.name);
            }
            Step::LastPass(step) => self.route(&step.route),
            Step::StopMover(step) => self.mover(&step.namespace, &step.pod),
            Step::RemoveSet(step) => {
                self.set(&step.namespace, &step.name, Some(&step.uid));
                self.set_manifest(&step.manifest_before, &step.name, &step.shape);
            }
            Step::ReleaseClaim(step) => self.release(step),
            Step::ReleaseStaging(step) => self.staging(&step.slot, &step.namespace, &step.staging),
            Step::BindTarget(step) => {
                self.staging(&step.slot, &step.namespace, &step.staging);
                self.claim(&step.slot, &step.claim);
            }
            Step::AdoptClaim(step) => self.adopt(step),
            Step::RestoreSet(step) => self.restore_set(step),
            Step::RestorePod(step) => {
                self.app(AppKind::Pod, &step.namespace, &step.name, Some(&step.uid_before));
                self.object(&step.manifest, "v1", "Pod", &step.name);
                self.same_pod(&step.manifest);
            }
            Step::ScaleUp(step) => self.app(step.kind, &step.namespace, &step.name, Some(&step.uid)),
            Step::AwaitReady(step) => {
                self.app(step.kind, &step.namespace, &step.name, None);
                self.claims(&step.claims);
            }
            Step::RestoreRetention(step) => self.set(&step.namespace, &step.set, None),
            Step::SettleTarget(step) => {
                self.namespace(&step.namespace);
                self.claim(&step.slot, &step.claim);
                self.policy(&step.policy);
            }
        }
    }

    fn namespace(&mut self, namespace: &str) {
        if namespace != self.plan.namespace() {
            self.fault(format!("is for namespace `{namespace}`; the app is in `{}`", self.plan.namespace()));
        }
    }

    fn app(&mut self, kind: AppKind, namespace: &str, name: &str, uid: Option<&String>) {
        self.namespace(namespace);
        let app = &self.plan.app;
        if kind != app.kind || name != app.name {
            self.fault(format!("is for {}/{name}; the app is {}", kind.word(), app.reference()));
        }
        if uid.is_some_and(|uid| *uid != app.uid) {
            self.fault(format!("is for another {} than the app", app.reference()));
        }
    }

    fn set(&mut self, namespace: &str, name: &str, uid: Option<&String>) {
        self.app(AppKind::StatefulSet, namespace, name, uid);
    }

    fn moved(&mut self, slot: &str) -> Option<&'a ClaimMove> {
        let found = self.plan.moves.iter().find(|one| one.slot == slot);
        if found.is_none() {
            self.fault(format!("is for slot `{slot}`, which no claim of the plan has"));
        }
        found
    }

    fn claim(&mut self, slot: &str, claim: &str) {
        if self.moved(slot).is_some_and(|moved| moved.claim != claim) {
            self.fault(format!("is for claim `{claim}`, which is not the claim of its slot"));
        }
    }

    fn full_claim(&mut self, slot: &str, claim: &str) {
        let (namespace, name) = claim.split_once('/').unwrap_or_default();
        self.namespace(namespace);
        self.claim(slot, name);
    }

    fn claims(&mut self, claims: &[String]) {
        for claim in claims {
            if !self.plan.moves.iter().any(|one| one.claim == *claim) {
                self.fault(format!("is for claim `{claim}`, which the plan does not move"));
            }
        }
    }

    fn staging(&mut self, slot: &str, namespace: &str, staging: &str) {
        self.namespace(namespace);
        if self.moved(slot).is_some_and(|moved| staging_name(&moved.claim, self.plan.run()) != staging) {
            self.fault(format!("is for claim `{staging}`, which is not one that the run makes"));
        }
    }

    fn mover(&mut self, namespace: &str, pod: &str) {
        self.namespace(namespace);
        let made = self.plan.steps().any(|(_, one)| matches!(&one.step, Step::StartMover(start) if start.pod == pod));
        if !made {
            self.fault(format!("is for pod `{pod}`, which is not one that the run makes"));
        }
    }

    fn start_mover(&mut self, step: &StartMover) {
        self.namespace(&step.namespace);
        let is_ours = step.pod.strip_prefix(&format!("stateful-{}-", self.plan.run())).is_some_and(is_end_of_unit);
        if !is_ours {
            self.fault(format!("makes pod `{}`, which is not the name of a mover", step.pod));
        }
        for volume in step.held_by_app.iter().filter(|volume| !self.plan.moves.iter().any(|one| one.source_volume == **volume)) {
            self.faults.push(format!("step `{}` is for volume `{volume}`, which the plan does not move", self.step));
        }
        for fault in mover_pod::faults(self.plan, &step.pod, &step.manifest) {
            self.fault(format!("is not to be believed: {fault}"));
        }
    }

    fn route(&mut self, route: &Route) {
        self.mover(&route.namespace, &route.source_pod);
        if let Some(pod) = &route.target_pod {
            self.mover(&route.namespace, pod);
        }
        for volume in &route.volumes {
            self.moved(&volume.name);
        }
        self.claims(&route.claims);
    }

    fn policy(&mut self, policy: &str) {
        if !POLICIES.contains(&policy) {
            self.fault(format!("knows no reclaim policy `{policy}`"));
        }
    }

    fn volume(&mut self, slot: &str, volume: &str) {
        if self.moved(slot).is_some_and(|moved| moved.source_volume != volume) {
            self.fault(format!("is for volume `{volume}`, which is not the volume of its claim"));
        }
    }

    fn pin_reclaim(&mut self, step: &PinReclaim) {
        self.full_claim(&step.slot, &step.claim);
        self.volume(&step.slot, &step.volume);
        self.policy(&step.policy_before);
        if step.labels_before != marks::off_volume() {
            self.fault(format!("puts labels on a volume: {}", step.labels_before));
        }
    }

    fn drain(&mut self, step: &Drain) {
        self.app(step.kind, &step.namespace, &step.name, Some(&step.uid));
        self.claims(&step.claims);
        self.same_shape(step.shape.as_ref());
    }

    fn clear_pods(&mut self, step: &ClearPods) {
        self.app(step.kind, &step.namespace, &step.name, None);
        self.claims(&step.claims);
        for pod in step.pods.iter().filter(|pod| !names::is_object(pod)) {
            self.faults.push(format!("`{pod}` is no name of an object"));
        }
    }

    fn reopen(&mut self, step: &ReopenVolume) {
        self.full_claim(&step.slot, &step.claim);
        self.staging(&step.slot, &step.namespace, &step.staging);
        self.kept_labels(&step.labels_before);
        let claim = self.moved(&step.slot).map(|moved| moved.claim.clone()).unwrap_or_default();
        self.reference(&step.claim_ref_before, &claim);
        if !self.is_kept(&step.slot, &step.volume) {
            self.fault(format!("is for volume `{}`, which is not one that the plan goes back to", step.volume));
        }
    }

    fn is_kept(&self, slot: &str, volume: &str) -> bool {
        let Destination::KeptVolumes { volumes, .. } = &self.plan.request.destination else { return false };
        let moved = self.plan.moves.iter().find(|one| one.slot == slot);
        moved.is_some_and(|moved| volumes.iter().any(|kept| kept.claim == moved.claim && kept.volume == volume))
    }

    /// A `claimRef` that names a claim of the app.
    fn reference(&mut self, reference: &Value, claim: &str) {
        let is_it = reference["namespace"] == self.plan.namespace() && reference["name"] == claim;
        if !is_it {
            self.fault(format!("puts a volume back to {reference}, which is not claim `{claim}` of the app"));
        }
    }

    /// The labels that a volume bears as kept by the run that is gone back from.
    fn kept_labels(&mut self, labels: &Value) {
        let Destination::KeptVolumes { run, .. } = &self.plan.request.destination else {
            return self.fault("puts labels of another run on a volume".to_owned());
        };
        let slot = labels[marks::SLOT].as_str().filter(|slot| names::is_own(slot)).unwrap_or_default();
        if *labels != marks::of_volume(self.plan.namespace(), run, marks::ROLE_SOURCE, slot) {
            self.fault(format!("puts labels on a volume that run {run} does not: {labels}"));
        }
    }

    /// An object of the app's namespace, of this kind and name.
    fn object(&mut self, manifest: &Value, api_version: &str, kind: &str, name: &str) {
        let metadata = &manifest["metadata"];
        let is_it = manifest["apiVersion"] == api_version
            && manifest["kind"] == kind
            && metadata["name"] == name
            && metadata["namespace"] == self.plan.namespace();
        if !is_it {
            let found = json!([manifest["apiVersion"], manifest["kind"], metadata["namespace"], metadata["name"]]);
            self.fault(format!("makes {found}, not {kind} `{}/{name}`", self.plan.namespace()));
        }
    }

    fn claim_manifest(&mut self, manifest: &Value, name: &str, volume: &Value) {
        self.object(manifest, "v1", "PersistentVolumeClaim", name);
        if manifest["spec"]["volumeName"] != *volume {
            self.fault(format!("makes claim {name} on volume {}, not {volume}", manifest["spec"]["volumeName"]));
        }
    }

    fn reserve(&mut self, step: &ReserveTarget) {
        self.staging(&step.slot, &step.namespace, &step.staging);
        let volume = &step.manifest["spec"]["volumeName"];
        let wanted = match volume.as_str() {
            Some(kept) if !step.provisioned && self.is_kept(&step.slot, kept) => volume.clone(),
            _ => Value::Null,
        };
        self.claim_manifest(&step.manifest, &step.staging, &wanted);
        let labels =
            json!({ marks::MANAGED_BY: marks::US, marks::RUN: self.plan.run(), marks::ROLE: marks::ROLE_STAGING, marks::SLOT: step.slot });
        let fields = ["accessModes", "volumeMode", "resources", "storageClassName", "volumeName"];
        let more = step.manifest["spec"].as_object().is_none_or(|spec| spec.keys().any(|key| !fields.contains(&key.as_str())));
        if step.manifest["metadata"]["labels"] != labels || more {
            self.fault(format!("makes claim {} otherwise than a run does", step.staging));
        }
    }

    fn release(&mut self, step: &ReleaseClaim) {
        self.namespace(&step.namespace);
        self.claim(&step.slot, &step.name);
        self.volume(&step.slot, &step.volume);
        self.claim_manifest(&step.manifest_before, &step.name, &json!(step.volume));
        if step.app != self.plan.app.reference() {
            self.fault(format!("is for {}; the app is {}", step.app, self.plan.app.reference()));
        }
    }

    fn adopt(&mut self, step: &AdoptClaim) {
        self.namespace(&step.namespace);
        self.claim(&step.slot, &step.name);
        self.claim_manifest(&step.manifest, &step.name, &Value::Null);
    }

    /// The set as it was: it is what its shape says, which is what is looked for before it is deleted.
    fn set_manifest(&mut self, manifest: &Value, name: &str, is: &str) {
        self.object(manifest, "apps/v1", "StatefulSet", name);
        if !is_of_shape(manifest, is) {
            self.fault(format!("makes statefulset/{name} again otherwise than it is"));
        }
    }

    /// A set that is deleted later is the one that is stopped.
    fn same_shape(&mut self, is: Option<&String>) {
        let removed =
            self.plan.steps().find_map(|(_, one)| if let Step::RemoveSet(removed) = &one.step { Some(&removed.shape) } else { None });
        if removed.is_some() && removed != is {
            self.fault("stops another set than the one that is deleted".to_owned());
        }
    }

    /// The set as it will be: as it was, but for the class and size of its claims.
    fn restore_set(&mut self, step: &RestoreSet) {
        self.set(&step.namespace, &step.name, None);
        self.object(&step.manifest, "apps/v1", "StatefulSet", &step.name);
        let before = self
            .plan
            .steps()
            .find_map(|(_, one)| if let Step::RemoveSet(removed) = &one.step { Some(&removed.manifest_before) } else { None });
        if before.is_none_or(|before| without_claims(before) != without_claims(&step.manifest)) {
            self.fault(format!("makes statefulset/{} otherwise than it was", step.name));
        }
    }

    fn same_pod(&mut self, manifest: &Value) {
        let removed = self.plan.steps().any(|(_, one)| matches!(&one.step, Step::RemovePod(pod) if pod.manifest_before == *manifest));
        if !removed {
            self.fault("makes another pod than the one that is removed".to_owned());
        }
    }
}

/// `0`, `12-source`, `3-target`.
fn is_end_of_unit(text: &str) -> bool {
    let number = text.strip_suffix("-source").or_else(|| text.strip_suffix("-target")).unwrap_or(text);
    !number.is_empty() && number.len() <= 6 && number.bytes().all(|one| one.is_ascii_digit())
}

/// A set's manifest without its replicas and without what a move changes of its claim templates.
fn without_claims(set: &Value) -> Value {
    let mut set = set.clone();
    if let Some(spec) = set["spec"].as_object_mut() {
        spec.remove("replicas");
    }
    for template in set.pointer_mut("/spec/volumeClaimTemplates").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(spec) = template["spec"].as_object_mut() {
            let moved = |field: &str| ["storageClassName", "resources", "accessModes"].contains(&field) || OF_OLD_CLASS.contains(&field);
            spec.retain(|field, _| !moved(field));
        }
        if let Some(annotations) = template.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            annotations.remove(CLASS_ANNOTATION);
        }
    }
    set
}
