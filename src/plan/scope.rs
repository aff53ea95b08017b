//! The reach of a plan: it touches the app it is for and what it makes itself, and nothing else, whoever wrote it.
//!
//! Every namespace, name and manifest of every step is held against the app and its moves. What a plan says of the cluster besides
//! (uids, classes, the app's own template) cannot be judged here: steps compare it with what they find.

use serde_json::{Value, json};

use super::names::{self, staging_name};
use super::shape::{CLASS_ANNOTATION, OF_OLD_CLASS, is_of_shape};
use super::step::{ClearPods, ReleaseClaim, ReopenVolume, ReserveTarget, RestoreSet, Route, StartMover};
use super::{ClaimMove, Destination, End, Plan, Slot, Step, marks, mover_pod};
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
        let objects = plan.moves.iter().flat_map(|one| [&one.claim, &one.source.volume]).chain([&plan.app.name]);
        for name in objects.filter(|name| !names::is_object(name)) {
            self.faults.push(format!("`{name}` is no name of an object"));
        }
        self.moves();
        self.destination();
    }

    /// Each claim once, by way of a claim of the run's own, to where the request says.
    fn moves(&mut self) {
        let plan = self.plan;
        let twice = |one: &ClaimMove| plan.moves.iter().filter(|other| other.slot == one.slot || other.claim == one.claim).count() > 1;
        for one in plan.moves.iter().filter(|one| !names::is_own(&one.slot.0) || one.slot.0.contains('/') || twice(one)) {
            self.faults.push(format!("the move of claim {} is not the only one of its claim or slot", one.claim));
        }
        for one in plan.moves.iter().filter(|one| plan.app.kind == AppKind::Claim && one.claim != plan.app.name) {
            self.faults.push(format!("the move of claim {} is not of {}", one.claim, plan.app.reference()));
        }
        for one in plan.moves.iter().filter(|one| one.target.claim != staging_name(&one.claim, plan.run())) {
            self.faults.push(format!(
                "the move of claim {} is by way of claim `{}`, which is not one that the run makes",
                one.claim, one.target.claim
            ));
        }
        for one in plan.moves.iter().filter(|one| !goes_back_to(plan, one)) {
            self.faults.push(format!("the move of claim {} is not to the volume that the plan goes back to", one.claim));
        }
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
            Step::PinReclaim(step) => {
                self.moved(&step.slot);
                self.policy(&step.policy_before);
            }
            Step::PinRetention(_) | Step::RestoreRetention(_) => self.of_set(),
            Step::ReopenVolume(step) => self.reopen(step),
            Step::ReserveTarget(step) => self.reserve(step),
            Step::StartMover(step) => self.start_mover(step),
            Step::AwaitMover(step) => self.mover(&step.pod, None),
            Step::PinTarget(step) => self.moved(&step.slot),
            Step::WarmCopy(step) => self.route(&step.route),
            Step::Drain(_) | Step::ScaleUp(_) => self.of_kind(&[AppKind::StatefulSet, AppKind::Deployment]),
            Step::ClearPods(step) => self.clear_pods(step),
            Step::RemovePod(step) => {
                self.of_kind(&[AppKind::Pod]);
                self.object(&step.manifest_before, "v1", "Pod", &self.plan.app.name);
            }
            Step::LastPass(step) => self.route(&step.route),
            Step::StopMover(step) => self.mover(&step.pod, None),
            Step::RemoveSet(step) => {
                self.of_set();
                self.set_manifest(&step.manifest_before);
            }
            Step::ReleaseClaim(step) => self.release(step),
            Step::ReleaseStaging(step) => self.moved(&step.slot),
            Step::BindTarget(step) => self.moved(&step.slot),
            Step::AdoptClaim(step) => {
                self.moved(&step.slot);
                self.claim_manifest(&step.manifest, self.claim_of(&step.slot), &Value::Null);
            }
            Step::RestoreSet(step) => self.restore_set(step),
            Step::RestorePod(step) => {
                self.of_kind(&[AppKind::Pod]);
                self.object(&step.manifest, "v1", "Pod", &self.plan.app.name);
                self.same_pod(&step.manifest);
            }
            Step::AwaitReady(_) => {}
            Step::SettleTarget(step) => {
                self.moved(&step.slot);
                self.policy(&step.policy);
            }
        }
    }

    fn of_kind(&mut self, kinds: &[AppKind]) {
        if !kinds.contains(&self.plan.app.kind) {
            self.fault(format!("is not for {}", self.plan.app.reference()));
        }
    }

    fn of_set(&mut self) {
        self.of_kind(&[AppKind::StatefulSet]);
    }

    fn moved(&mut self, slot: &Slot) {
        if self.plan.subject().find(slot).is_none() {
            self.fault(format!("is for slot `{slot}`, which no claim of the plan has"));
        }
    }

    /// The claim in a slot; of a slot that is not the plan's, nothing.
    fn claim_of(&self, slot: &Slot) -> &'a str {
        self.plan.subject().find(slot).map(|one| one.claim.as_str()).unwrap_or_default()
    }

    /// A mover that the run makes, at an end if that counts.
    fn mover(&mut self, pod: &str, end: Option<End>) {
        let is_it = |start: &StartMover| start.pod == pod && end.is_none_or(|end| start.end == end);
        let made = self.plan.steps().any(|(_, one)| matches!(&one.step, Step::StartMover(start) if is_it(start)));
        if !made {
            self.fault(format!("is for pod `{pod}`, which is not one that the run makes for it"));
        }
    }

    fn start_mover(&mut self, step: &StartMover) {
        let is_ours = step.pod.strip_prefix(&format!("stateful-{}-", self.plan.run())).is_some_and(is_end_of_unit);
        if !is_ours {
            self.fault(format!("makes pod `{}`, which is not the name of a mover", step.pod));
        }
        for slot in &step.held_by_app {
            self.moved(slot);
        }
        if mover_pod::reads(self.plan, &step.manifest) != (step.end == End::Source) {
            self.fault(format!("has mover pod {} at another end than the volumes it mounts", step.pod));
        }
        for fault in mover_pod::faults(self.plan, step) {
            self.fault(format!("is not to be believed: {fault}"));
        }
    }

    fn route(&mut self, route: &Route) {
        self.mover(&route.source_pod, Some(End::Source));
        if let Some(pod) = &route.target_pod {
            self.mover(pod, Some(End::Target));
        }
        for slot in &route.slots {
            self.moved(slot);
        }
    }

    fn policy(&mut self, policy: &str) {
        if !POLICIES.contains(&policy) {
            self.fault(format!("knows no reclaim policy `{policy}`"));
        }
    }

    fn clear_pods(&mut self, step: &ClearPods) {
        self.of_kind(&[AppKind::StatefulSet, AppKind::Deployment]);
        for pod in step.pods.iter().filter(|pod| !names::is_object(pod)) {
            self.faults.push(format!("`{pod}` is no name of an object"));
        }
    }

    fn reopen(&mut self, step: &ReopenVolume) {
        self.moved(&step.slot);
        self.kept_labels(&step.labels_before);
        self.reference(&step.claim_ref_before, self.claim_of(&step.slot));
        if self.kept_of(&step.slot).is_none() {
            self.fault("takes up no volume that the plan goes back to".to_owned());
        }
    }

    /// The kept volume that the claim in a slot goes back to, as the step and the request have it.
    fn kept_of(&self, slot: &Slot) -> Option<&'a str> {
        self.plan.subject().find(slot)?.target.kept.as_ref().map(|kept| kept.volume.as_str())
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
        self.moved(&step.slot);
        let staging = staging_name(self.claim_of(&step.slot), self.plan.run());
        let wanted = self.kept_of(&step.slot).map_or(Value::Null, |kept| json!(kept));
        self.claim_manifest(&step.manifest, &staging, &wanted);
        let labels =
            json!({ marks::MANAGED_BY: marks::US, marks::RUN: self.plan.run(), marks::ROLE: marks::ROLE_STAGING, marks::SLOT: step.slot });
        let fields = ["accessModes", "volumeMode", "resources", "storageClassName", "volumeName"];
        let more = step.manifest["spec"].as_object().is_none_or(|spec| spec.keys().any(|key| !fields.contains(&key.as_str())));
        if step.manifest["metadata"]["labels"] != labels || more {
            self.fault(format!("makes claim {staging} otherwise than a run does"));
        }
    }

    fn release(&mut self, step: &ReleaseClaim) {
        self.moved(&step.slot);
        let volume = self.plan.subject().find(&step.slot).map(|one| one.source.volume.as_str());
        self.claim_manifest(&step.manifest_before, self.claim_of(&step.slot), &json!(volume));
    }

    /// The set as it was: it is what its shape says, which is what is looked for before it is deleted.
    fn set_manifest(&mut self, manifest: &Value) {
        let app = &self.plan.app;
        self.object(manifest, "apps/v1", "StatefulSet", &app.name);
        if !app.shape.as_ref().is_some_and(|shape| is_of_shape(manifest, shape)) {
            self.fault(format!("makes {} again otherwise than it is", app.reference()));
        }
    }

    /// The set as it will be: as it was, with as many replicas, but for the class and size of its claims.
    fn restore_set(&mut self, step: &RestoreSet) {
        self.of_set();
        let app = &self.plan.app;
        self.object(&step.manifest, "apps/v1", "StatefulSet", &app.name);
        let before = self
            .plan
            .steps()
            .find_map(|(_, one)| if let Step::RemoveSet(removed) = &one.step { Some(&removed.manifest_before) } else { None });
        let is_it = before.is_some_and(|before| without_claims(before) == without_claims(&step.manifest));
        if !is_it || step.manifest["spec"]["replicas"] != app.replicas {
            self.fault(format!("makes {} otherwise than it was", app.reference()));
        }
    }

    fn same_pod(&mut self, manifest: &Value) {
        let removed = self.plan.steps().any(|(_, one)| matches!(&one.step, Step::RemovePod(pod) if pod.manifest_before == *manifest));
        if !removed {
            self.fault("makes another pod than the one that is removed".to_owned());
        }
    }
}

/// Whether the target end of a claim is the one that the request has for it: a new volume, or the kept one.
fn goes_back_to(plan: &Plan, one: &ClaimMove) -> bool {
    let kept = match &plan.request.destination {
        Destination::StorageClass { .. } => None,
        Destination::KeptVolumes { volumes, .. } => volumes.iter().find(|kept| kept.claim == one.claim),
    };
    match (kept, &one.target.kept) {
        (Some(kept), Some(end)) => kept.volume == end.volume && kept.volume_uid == end.volume_uid,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
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
