//! Lays out a move to another storage class, or back to kept volumes: which stages, which steps, in which order.
//!
//! Everything up to the drain is additive. Between the drain and the start of the app there is nothing but the last pass, the
//! proof and the swap. The rules that must hold whatever the layout are in `plan::check`, not here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::notes;
use super::reclaim;
use crate::contract::orders;
use crate::plan::reach::reaches;
use crate::plan::shape::shape;
use crate::plan::step::{
    AdoptClaim, AwaitMover, AwaitReady, BindTarget, ClearPods, Drain, Guard, LastPass, PinReclaim, PinRetention, PinTarget, ReleaseClaim,
    ReleaseStaging, RemovePod, RemoveSet, ReopenVolume, ReserveTarget, RestorePod, RestoreRetention, RestoreSet, Route, ScaleUp,
    SettleTarget, StartMover, StopMover, WarmCopy,
};
use crate::plan::{
    API_VERSION, App, ClaimMove, Destination, KIND, KeptVolume, Plan, PlannedStep, Request, Rung, Stage, Step, StepId, marks, staging_name,
};
use crate::planner::choose::cost;
use crate::planner::objects::mover::{self as objects, Side, Template};
use crate::planner::refuse::access_modes;
use crate::planner::refuse::checks;
use crate::size;
use crate::survey::{AppKind, ClaimSeen, NodeSeen, Origin, Survey, VolumeSeen};

/// How long a step that only talks to the API may take, in seconds.
const API_SECS: u64 = 120;

/// At most so many warm passes.
const PASSES_MAX: u32 = 8;

/// What a plain pod gets to stop when its spec does not say (Kubernetes' default).
const GRACE_SECS: u64 = 30;

/// Claims that are used by the same pod, and therefore copied together by one mover or one pair of movers.
#[derive(Debug)]
pub struct Unit<'a> {
    /// The claims with their slots.
    pub claims: Vec<(&'a ClaimSeen, String)>,
    /// The node on which the app uses them; none while it does not run.
    pub node: Option<String>,
    /// Whether two movers are needed, because one pod cannot be sure to reach both sides.
    pub over_network: bool,
    /// Whether it is copied before the app is stopped.
    pub warm: bool,
    /// Whether the app runs at all, so that there is an outage.
    pub runs: bool,
}

/// The units of a request.
pub fn units<'a>(request: &Request, survey: &'a Survey) -> Vec<Unit<'a>> {
    let mut groups: BTreeMap<String, Vec<(&ClaimSeen, String)>> = BTreeMap::new();
    for (index, claim) in checks::moved(request, survey).into_iter().enumerate() {
        let key = match (&claim.origin, survey.app.kind) {
            (Origin::Template { ordinal, .. }, _) => format!("{ordinal:06}"),
            // Named by the pod template of several replicas: shared, so it goes by itself.
            (Origin::Volume { .. }, AppKind::StatefulSet) => format!("shared {}", claim.name),
            _ => "app".to_owned(),
        };
        groups.entry(key).or_default().push((claim, format!("c{index}")));
    }
    groups.into_values().map(|claims| unit(request, survey, claims)).collect()
}

fn unit<'a>(request: &Request, survey: &'a Survey, claims: Vec<(&'a ClaimSeen, String)>) -> Unit<'a> {
    // Where a pod runs now: one that was evicted leaves its object behind, with the node it was on.
    let node = claims.iter().find_map(|(claim, _)| claim.node_of_app()).map(str::to_owned);
    let once = claims.iter().any(|(claim, _)| claim.access_modes.iter().any(|mode| mode == "ReadWriteOncePod"));
    let over_network = !claims.iter().all(|(claim, _)| meets(request, survey, claim, node.as_deref()));
    let runs = survey.app.replicas > 0;
    Unit { warm: !request.cold && !once && runs, claims, node, over_network, runs }
}

/// Whether one pod can be sure to reach both the source volume and the target volume to be.
fn meets(request: &Request, survey: &Survey, claim: &ClaimSeen, node: Option<&str>) -> bool {
    let source = claim.volume.as_ref();
    let candidates: Vec<&NodeSeen> = match node {
        Some(name) => survey.node(name).into_iter().collect(),
        None => {
            survey.nodes.iter().filter(|node| source.is_none_or(|volume| reaches(&node.labels, volume.node_affinity.as_ref()))).collect()
        }
    };
    let target = |node: &&NodeSeen| match &request.destination {
        Destination::StorageClass { name } => survey.class(name).is_some_and(|class| {
            // A volume that is made before its first consumer may turn up anywhere.
            class.waits_for_consumer && admits(node, class.allowed_topologies.as_ref()) && runs_driver(node, &class.provisioner)
        }),
        Destination::KeptVolumes { volumes, .. } => {
            volumes.iter().find(|kept| kept.claim == claim.name).is_some_and(|kept| reaches(&node.labels, kept.node_affinity.as_ref()))
        }
    };
    candidates.iter().any(target)
}

/// A node that says which CSI drivers it has, and not this one, cannot mount its volumes.
pub(crate) fn runs_driver(node: &NodeSeen, provisioner: &str) -> bool {
    node.drivers.is_empty() || node.drivers.contains_key(provisioner)
}

/// Whether a node is within a class' `allowedTopologies`.
pub(crate) fn admits(node: &NodeSeen, topologies: Option<&Value>) -> bool {
    let Some(terms) = topologies.and_then(Value::as_array).filter(|terms| !terms.is_empty()) else { return true };
    let within = |one: &Value| {
        let label = node.labels.get(one["key"].as_str().unwrap_or_default());
        label.is_some_and(|label| one["values"].as_array().is_some_and(|values| values.iter().any(|value| value == label)))
    };
    terms.iter().any(|term| term["matchLabelExpressions"].as_array().is_none_or(|all| all.iter().all(within)))
}

/// Whether a set is deleted and made again: it is, when one of its claim templates changes.
pub(crate) fn remakes_set(request: &Request, survey: &Survey) -> bool {
    Layout { request, survey, units: units(request, survey) }.set_changes()
}

/// Makes the plan. The request was checked.
pub fn layout(request: &Request, survey: &Survey, cluster: &str) -> Plan {
    let layout = Layout { request, survey, units: units(request, survey) };
    let mut stages = layout.stages();
    guard(&mut stages);
    Plan {
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        request: request.clone(),
        app: App {
            kind: survey.app.kind,
            namespace: survey.namespace.name.clone(),
            name: survey.app.name.clone(),
            uid: survey.app.uid.clone(),
            replicas: survey.app.replicas,
        },
        cluster: cluster.to_owned(),
        cluster_uid: survey.cluster_uid.clone(),
        moves: layout.moves(),
        notes: notes::of(request, survey, &layout.claims().map(|(claim, _)| claim).collect::<Vec<_>>()),
        stages,
    }
}

struct Layout<'a> {
    request: &'a Request,
    survey: &'a Survey,
    units: Vec<Unit<'a>>,
}

impl<'a> Layout<'a> {
    fn stages(&self) -> Vec<Stage> {
        let mut stages = Vec::new();
        let mut add = |name: &str, app_is_down: bool, steps: Vec<(String, u64, Step)>| {
            if !steps.is_empty() {
                stages.push(Stage { name: name.to_owned(), app_is_down, steps: steps.into_iter().map(planned).collect() });
            }
        };
        let down = self.runs();
        add("keep the source volumes", false, self.pins());
        add("keep the claims", false, self.retention_pin());
        add("reserve the kept volumes", false, self.reopens());
        add("reserve the target volumes", false, self.reserves());
        add("start the movers", false, self.movers(|unit| unit.warm));
        add("copy while the app runs", false, self.warm_copies());
        add("remove pods that are over", false, self.clears());
        add("stop the app", down, self.drains());
        add("start the movers", down, self.late_movers());
        add("copy what changed and prove the copies", down, self.proofs());
        add("stop the movers", down, self.stops());
        add("free the names of the claims", down, self.releases());
        add("reserve the target volumes for the claims", down, self.binds());
        add("create the claims on the target volumes", down, self.adopts());
        add("start the app", down, self.starts());
        add("wait until the app is ready", down, self.awaits());
        add("settle", false, self.settles());
        stages
    }

    fn claims(&self) -> impl Iterator<Item = (&'a ClaimSeen, &str)> {
        self.units.iter().flat_map(|unit| unit.claims.iter().map(|(claim, slot)| (*claim, slot.as_str())))
    }

    fn namespace(&self) -> String {
        self.survey.namespace.name.clone()
    }

    fn full_name(&self, claim: &ClaimSeen) -> String {
        format!("{}/{}", self.survey.namespace.name, claim.name)
    }

    fn staging(&self, claim: &ClaimSeen) -> String {
        staging_name(&claim.name, &self.request.run)
    }

    fn runs(&self) -> bool {
        self.survey.app.replicas > 0
    }

    fn kept(&self, claim: &ClaimSeen) -> Option<&KeptVolume> {
        match &self.request.destination {
            Destination::StorageClass { .. } => None,
            Destination::KeptVolumes { volumes, .. } => volumes.iter().find(|kept| kept.claim == claim.name),
        }
    }

    fn target_class(&self, claim: &ClaimSeen) -> Option<String> {
        match &self.request.destination {
            Destination::StorageClass { name } => Some(name.clone()),
            Destination::KeptVolumes { .. } => self.kept(claim).and_then(|kept| kept.class.clone()),
        }
    }

    /// What the claim will ask for, if that is another amount than now.
    fn target_size(&self, claim: &ClaimSeen) -> Option<String> {
        let wanted = match self.kept(claim) {
            Some(kept) => Some(kept.request.clone()),
            None => self.request.size_bytes.map(size::quantity),
        };
        wanted.filter(|wanted| claim.raw["spec"]["resources"]["requests"]["storage"] != json!(wanted))
    }

    /// The claim's access modes then, if they are others than now.
    fn target_modes(&self, claim: &ClaimSeen) -> Option<Vec<String>> {
        let wanted = match self.kept(claim) {
            Some(kept) if kept.access_modes.is_empty() => return None,
            Some(kept) => &kept.access_modes,
            None => access_modes::wanted(self.request, claim),
        };
        (*wanted != claim.access_modes).then(|| wanted.clone())
    }

    /// First of all, and alone: by the source volumes a run is known to have begun.
    fn pins(&self) -> Vec<(String, u64, Step)> {
        self.claims()
            .map(|(claim, slot)| {
                let volume = source(claim);
                let step = PinReclaim {
                    slot: slot.to_owned(),
                    claim: self.full_name(claim),
                    volume: volume.name.clone(),
                    volume_uid: volume.uid.clone(),
                    policy_before: volume.reclaim_policy.clone(),
                    labels_before: marks::off_volume(),
                };
                (claim.name.clone(), API_SECS, Step::PinReclaim(step))
            })
            .collect()
    }

    fn retention_pin(&self) -> Vec<(String, u64, Step)> {
        let mut steps = Vec::new();
        if let Some(policy_before) = self.retention() {
            let step = PinRetention {
                namespace: self.namespace(),
                set: self.survey.app.name.clone(),
                uid: self.survey.app.uid.clone(),
                policy_before,
                claims: self.claims().map(|(claim, _)| claim.name.clone()).collect(),
            };
            steps.push((self.survey.app.name.clone(), API_SECS, Step::PinRetention(step)));
        }
        steps
    }

    /// The set's claim retention policy, if it ever deletes claims.
    fn retention(&self) -> Option<Value> {
        let policy = self.survey.app.raw.pointer("/spec/persistentVolumeClaimRetentionPolicy")?;
        let deletes = policy["whenDeleted"] == "Delete" || policy["whenScaled"] == "Delete";
        (self.survey.app.kind == AppKind::StatefulSet && deletes).then(|| policy.clone())
    }

    fn reopens(&self) -> Vec<(String, u64, Step)> {
        self.claims()
            .filter_map(|(claim, slot)| {
                let kept = self.kept(claim)?;
                let step = ReopenVolume {
                    slot: slot.to_owned(),
                    claim: self.full_name(claim),
                    volume: kept.volume.clone(),
                    volume_uid: kept.volume_uid.clone(),
                    namespace: self.namespace(),
                    staging: self.staging(claim),
                    claim_ref_before: kept.claim_ref.clone(),
                    labels_before: kept.labels.clone(),
                };
                Some((claim.name.clone(), API_SECS, Step::ReopenVolume(step)))
            })
            .collect()
    }

    fn reserves(&self) -> Vec<(String, u64, Step)> {
        if !self.request.copies() {
            return Vec::new();
        }
        self.claims()
            .map(|(claim, slot)| (claim.name.clone(), self.request.start_secs_max, Step::ReserveTarget(self.reserve(claim, slot))))
            .collect()
    }

    fn reserve(&self, claim: &ClaimSeen, slot: &str) -> ReserveTarget {
        let (manifest, provisioned, binds_at_once) = match (self.kept(claim), &self.request.destination) {
            (Some(kept), _) => (objects::staging_claim_on(self.request, claim, slot, kept), false, true),
            (None, Destination::StorageClass { name }) => {
                let at_once = self.survey.class(name).is_some_and(|class| !class.waits_for_consumer);
                (objects::staging_claim(self.request, claim, slot, name), true, at_once)
            }
            (None, Destination::KeptVolumes { .. }) => unreachable!("only claims with a kept volume are moved back"),
        };
        ReserveTarget {
            slot: slot.to_owned(),
            namespace: self.namespace(),
            staging: self.staging(claim),
            provisioned,
            binds_at_once,
            manifest,
        }
    }

    fn sides(unit: &Unit<'_>) -> &'static [Side] {
        if unit.over_network { &[Side::Source, Side::Target] } else { &[Side::Both] }
    }

    fn movers(&self, wanted: impl Fn(&Unit<'_>) -> bool) -> Vec<(String, u64, Step)> {
        if !self.request.copies() {
            return Vec::new();
        }
        let mut steps = Vec::new();
        for (index, unit) in self.units.iter().enumerate().filter(|(_, unit)| wanted(unit)) {
            for side in Self::sides(unit) {
                let step = StartMover {
                    namespace: self.namespace(),
                    pod: objects::mover_name(self.request, index, *side),
                    held_by_app: if unit.warm && *side != Side::Target { Self::volumes(unit) } else { Vec::new() },
                    manifest: objects::mover_pod(self.request, self.survey, unit, index, *side),
                };
                steps.push((step.pod.clone(), self.request.start_secs_max, Step::StartMover(step)));
            }
        }
        steps
    }

    /// The movers of what is copied only now, and those that may have had to wait for the app to stop.
    fn late_movers(&self) -> Vec<(String, u64, Step)> {
        let mut steps = self.movers(|unit| !unit.warm);
        for (_, _, step) in self.movers(|unit| unit.warm) {
            if let Step::StartMover(StartMover { namespace, pod, held_by_app, .. }) = step
                && !held_by_app.is_empty()
            {
                steps.push((pod.clone(), self.request.start_secs_max, Step::AwaitMover(AwaitMover { namespace, pod })));
            }
        }
        steps
    }

    fn volumes(unit: &Unit<'_>) -> Vec<String> {
        unit.claims.iter().map(|(claim, _)| source(claim).name.clone()).collect()
    }

    fn route(&self, index: usize, unit: &Unit<'_>) -> Route {
        let name = |side| objects::mover_name(self.request, index, side);
        let mode = |claim: &ClaimSeen| if claim.block { orders::VolumeMode::Block } else { orders::VolumeMode::Filesystem };
        Route {
            namespace: self.namespace(),
            source_pod: name(if unit.over_network { Side::Source } else { Side::Both }),
            target_pod: unit.over_network.then(|| name(Side::Target)),
            volumes: unit.claims.iter().map(|(claim, slot)| orders::Volume { name: slot.clone(), mode: mode(claim) }).collect(),
            claims: unit.claims.iter().map(|(claim, _)| claim.name.clone()).collect(),
            bytes_per_second_max: self.request.bytes_per_second_max,
            throttle: self.request.throttle,
        }
    }

    fn warm_copies(&self) -> Vec<(String, u64, Step)> {
        if !self.request.copies() {
            return Vec::new();
        }
        let warm = self.units.iter().enumerate().filter(|(_, unit)| unit.warm);
        warm.map(|(index, unit)| {
            let step = WarmCopy {
                route: self.route(index, unit),
                last_pass_ms_max: self.request.last_pass_secs_max.saturating_mul(1000),
                passes_max: PASSES_MAX,
                insist: self.request.insist,
            };
            (format!("{index}"), self.request.copy_secs_max, Step::WarmCopy(step))
        })
        .collect()
    }

    /// Pods of the app that are over and still name a claim that is to be deleted.
    fn clears(&self) -> Vec<(String, u64, Step)> {
        let mut pods: Vec<String> = self.claims().flat_map(|(claim, _)| claim.dead_pods_of_app()).map(|mount| mount.pod.clone()).collect();
        pods.sort_unstable();
        pods.dedup();
        let app = &self.survey.app;
        if pods.is_empty() || !matches!(app.kind, AppKind::StatefulSet | AppKind::Deployment) {
            return Vec::new();
        }
        let step = ClearPods {
            kind: app.kind,
            namespace: self.namespace(),
            name: app.name.clone(),
            pods,
            claims: self.claims().map(|(claim, _)| claim.name.clone()).collect(),
        };
        vec![(app.name.clone(), API_SECS, Step::ClearPods(step))]
    }

    fn drains(&self) -> Vec<(String, u64, Step)> {
        let app = &self.survey.app;
        if !self.runs() {
            return Vec::new();
        }
        let claims: Vec<String> = self.claims().map(|(claim, _)| claim.name.clone()).collect();
        let (namespace, name, uid) = (self.namespace(), app.name.clone(), app.uid.clone());
        let step = match app.kind {
            AppKind::Claim => return Vec::new(),
            AppKind::Pod => Step::RemovePod(RemovePod { namespace, name, uid, claims, manifest_before: objects::pod_again(&app.raw) }),
            kind @ (AppKind::StatefulSet | AppKind::Deployment) => {
                let shape = (kind == AppKind::StatefulSet).then(|| shape(&app.raw));
                Step::Drain(Drain { kind, namespace, name, uid, replicas: app.replicas, shape, claims })
            }
        };
        vec![(app.name.clone(), self.grace_secs().saturating_add(self.request.stop_secs_max), step)]
    }

    /// What the app's pods get to stop; under `OrderedReady` they stop one after another.
    fn grace_secs(&self) -> u64 {
        let app = &self.survey.app;
        let spec = app.raw.pointer("/spec/template/spec").or_else(|| app.raw.get("spec"));
        let grace = spec.and_then(|spec| spec["terminationGracePeriodSeconds"].as_u64()).unwrap_or(GRACE_SECS);
        let one_by_one = app.kind == AppKind::StatefulSet && app.raw["spec"]["podManagementPolicy"] != "Parallel";
        if one_by_one { grace * u64::from(app.replicas) } else { grace }
    }

    fn proofs(&self) -> Vec<(String, u64, Step)> {
        if !self.request.copies() {
            return Vec::new();
        }
        let passes = self.units.iter().enumerate().map(|(index, unit)| {
            (format!("{index}"), self.request.copy_secs_max, Step::LastPass(LastPass { route: self.route(index, unit) }))
        });
        let pins = self.claims().filter(|(claim, _)| self.kept(claim).is_none()).map(|(claim, slot)| {
            let step = PinTarget {
                slot: slot.to_owned(),
                claim: self.full_name(claim),
                namespace: self.namespace(),
                staging: self.staging(claim),
            };
            (claim.name.clone(), self.request.start_secs_max, Step::PinTarget(step))
        });
        passes.chain(pins).collect()
    }

    fn stops(&self) -> Vec<(String, u64, Step)> {
        let mut steps = Vec::new();
        if self.request.copies() {
            for (index, unit) in self.units.iter().enumerate() {
                for side in Self::sides(unit) {
                    let pod = objects::mover_name(self.request, index, *side);
                    steps.push((pod.clone(), self.request.stop_secs_max, Step::StopMover(StopMover { namespace: self.namespace(), pod })));
                }
            }
        }
        if self.set_changes() {
            let app = &self.survey.app;
            let step = RemoveSet {
                namespace: self.namespace(),
                name: app.name.clone(),
                uid: app.uid.clone(),
                shape: shape(&app.raw),
                manifest_before: objects::set_again(&app.raw, 0, self.retention().is_some(), |_| None),
            };
            steps.push((app.name.clone(), API_SECS, Step::RemoveSet(step)));
        }
        steps
    }

    fn releases(&self) -> Vec<(String, u64, Step)> {
        let mut steps = Vec::new();
        for (claim, slot) in self.claims() {
            let step = ReleaseClaim {
                slot: slot.to_owned(),
                namespace: self.namespace(),
                name: claim.name.clone(),
                uid: claim.uid.clone(),
                volume: source(claim).name.clone(),
                volume_uid: source(claim).uid.clone(),
                app: format!("{}/{}", self.survey.app.kind.word(), self.survey.app.name),
                manifest_before: objects::released_claim(claim),
            };
            steps.push((claim.name.clone(), self.request.stop_secs_max, Step::ReleaseClaim(step)));
            if self.request.copies() {
                let step = ReleaseStaging { slot: slot.to_owned(), namespace: self.namespace(), staging: self.staging(claim) };
                steps.push((claim.name.clone(), self.request.stop_secs_max, Step::ReleaseStaging(step)));
            }
        }
        steps
    }

    fn binds(&self) -> Vec<(String, u64, Step)> {
        self.claims()
            .map(|(claim, slot)| {
                let step = BindTarget {
                    slot: slot.to_owned(),
                    namespace: self.namespace(),
                    claim: claim.name.clone(),
                    staging: self.staging(claim),
                };
                (claim.name.clone(), API_SECS, Step::BindTarget(step))
            })
            .collect()
    }

    fn adopts(&self) -> Vec<(String, u64, Step)> {
        self.claims()
            .map(|(claim, slot)| {
                let step = AdoptClaim {
                    slot: slot.to_owned(),
                    namespace: self.namespace(),
                    name: claim.name.clone(),
                    manifest: objects::adopted_claim(
                        claim,
                        self.target_class(claim).as_ref(),
                        self.target_size(claim).as_ref(),
                        self.target_modes(claim).as_ref(),
                    ),
                };
                (claim.name.clone(), API_SECS, Step::AdoptClaim(step))
            })
            .collect()
    }

    fn starts(&self) -> Vec<(String, u64, Step)> {
        let app = &self.survey.app;
        let (namespace, name, uid) = (self.namespace(), app.name.clone(), app.uid.clone());
        let step = match app.kind {
            AppKind::Claim => return Vec::new(),
            AppKind::Pod => Step::RestorePod(RestorePod { namespace, name, uid_before: uid, manifest: objects::pod_again(&app.raw) }),
            AppKind::StatefulSet if self.set_changes() => {
                let template_of = |template: &str| self.new_template(template);
                let manifest = objects::set_again(&app.raw, app.replicas, self.retention().is_some(), template_of);
                Step::RestoreSet(RestoreSet { namespace, name, manifest })
            }
            _ if !self.runs() => return Vec::new(),
            kind @ (AppKind::StatefulSet | AppKind::Deployment) => {
                Step::ScaleUp(ScaleUp { kind, namespace, name, uid, replicas: app.replicas })
            }
        };
        vec![(app.name.clone(), API_SECS, step)]
    }

    /// What a claim template is to say: what its claims are in the end, if all of them are the same.
    fn new_template(&self, template: &str) -> Option<Template> {
        let of_template = |claim: &&ClaimSeen| matches!(&claim.origin, Origin::Template { template: from, .. } if from == template);
        let moved: Vec<&str> = self.claims().map(|(claim, _)| claim.name.as_str()).collect();
        let mut all = self.survey.claims.iter().filter(of_template).map(|claim| {
            let is_moved = moved.contains(&claim.name.as_str());
            let class = if is_moved { self.target_class(claim) } else { claim.class.clone() };
            let of_moved = |claim| (self.target_size(claim), self.target_modes(claim));
            let (size, modes) = if is_moved { of_moved(claim) } else { (None, None) };
            Some(Template { class: class?, size, modes })
        });
        let first = all.next()??;
        let is_moved = self.claims().any(|(claim, _)| of_template(&claim));
        (is_moved && all.all(|one| one.as_ref() == Some(&first))).then_some(first)
    }

    fn set_changes(&self) -> bool {
        let templates = self.survey.app.raw.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
        let changes = |template: &Value| {
            let name = template["metadata"]["name"].as_str().unwrap_or_default();
            self.new_template(name).is_some_and(|new| {
                let size = &template["spec"]["resources"]["requests"]["storage"];
                template["spec"]["storageClassName"] != json!(new.class)
                    || new.size.is_some_and(|new| *size != json!(new))
                    || new.modes.is_some_and(|new| template["spec"]["accessModes"] != json!(new))
            })
        };
        self.survey.app.kind == AppKind::StatefulSet && templates.is_some_and(|templates| templates.iter().any(changes))
    }

    fn awaits(&self) -> Vec<(String, u64, Step)> {
        let app = &self.survey.app;
        if !self.runs() {
            return Vec::new();
        }
        let claims = self.claims().map(|(claim, _)| claim.name.clone()).collect();
        let step = AwaitReady { kind: app.kind, namespace: self.namespace(), name: app.name.clone(), claims };
        vec![(app.name.clone(), self.request.ready_secs_max, Step::AwaitReady(step))]
    }

    fn settles(&self) -> Vec<(String, u64, Step)> {
        let mut steps: Vec<(String, u64, Step)> = self
            .claims()
            .map(|(claim, slot)| {
                let step = SettleTarget {
                    slot: slot.to_owned(),
                    namespace: self.namespace(),
                    claim: claim.name.clone(),
                    policy: self.target_policy(claim),
                };
                (claim.name.clone(), API_SECS, Step::SettleTarget(step))
            })
            .collect();
        if let Some(policy) = self.retention() {
            let step = RestoreRetention { namespace: self.namespace(), set: self.survey.app.name.clone(), policy };
            steps.push((self.survey.app.name.clone(), API_SECS, Step::RestoreRetention(step)));
        }
        steps
    }

    /// What the target volume's reclaim policy would be had it been made for the claim: that of its class, or what it was before; and what
    /// somebody set by hand.
    fn target_policy(&self, claim: &ClaimSeen) -> String {
        match (&self.request.destination, self.kept(claim)) {
            (_, Some(kept)) => kept.reclaim_policy.clone(),
            (Destination::StorageClass { .. }, None) if reclaim::is_kept_by_hand(self.survey, claim) => "Retain".to_owned(),
            (Destination::StorageClass { name }, None) => {
                self.survey.class(name).map_or_else(|| "Delete".to_owned(), |class| class.reclaim_policy.clone())
            }
            (Destination::KeptVolumes { .. }, None) => "Retain".to_owned(),
        }
    }

    fn moves(&self) -> Vec<ClaimMove> {
        let mut moves = Vec::new();
        for unit in &self.units {
            for (claim, slot) in &unit.claims {
                let (rung, because) = self.rung(unit);
                let (outage, outage_because) = cost::of(self.request, self.survey, unit, claim, rung);
                moves.push(ClaimMove {
                    claim: claim.name.clone(),
                    slot: slot.clone(),
                    source_class: claim.class.clone(),
                    target_class: self.target_class(claim),
                    source_volume: source(claim).name.clone(),
                    capacity_bytes: claim.capacity_bytes,
                    target_bytes: self.request.size_bytes.filter(|_| self.kept(claim).is_none()),
                    rung,
                    because,
                    node: unit.node.clone(),
                    over_network: unit.over_network && self.request.copies(),
                    outage,
                    outage_because,
                });
            }
        }
        moves
    }

    fn rung(&self, unit: &Unit<'_>) -> (Rung, String) {
        let why = |text: &str| text.to_owned();
        if !self.request.copies() {
            (Rung::Rebind, why("the kept volume is taken up as it is"))
        } else if unit.warm {
            (Rung::Warm, why("copied beside the running app; what changed is copied while it is stopped"))
        } else if self.request.cold {
            (Rung::Cold, why("asked for with --cold"))
        } else if !self.runs() {
            (Rung::Cold, why("no pod runs on it"))
        } else {
            (Rung::Cold, why("ReadWriteOncePod: no second pod can mount it"))
        }
    }
}

fn source(claim: &ClaimSeen) -> &VolumeSeen {
    claim.volume.as_ref().expect("a claim without a volume is refused before")
}

fn planned((subject, deadline_secs, step): (String, u64, Step)) -> PlannedStep {
    PlannedStep { id: StepId(format!("{}:{subject}", step.word())), deadline_secs, guarded_until: None, step }
}

/// Says until when each step's work must stand untouched.
fn guard(stages: &mut [Stage]) {
    let moments = Moments::of(stages);
    for (index, stage) in stages.iter_mut().enumerate() {
        for step in &mut stage.steps {
            step.guarded_until = moments.end_of(step.step.guard()).filter(|limit| *limit > index + 1);
        }
    }
}

/// The stages, by index, with which guards end.
struct Moments {
    stop: Option<usize>,
    set_is_removed: Option<usize>,
    release: Option<usize>,
    adoption: Option<usize>,
    start: Option<usize>,
    started: Option<usize>,
    end: usize,
}

impl Moments {
    fn of(stages: &[Stage]) -> Self {
        let first = |picks: fn(&Step) -> bool| stages.iter().position(|stage| stage.steps.iter().any(|step| picks(&step.step)));
        let start = first(Step::lets_app_write);
        // Looked at up to the last moment, but no longer than until we ourselves put policies back.
        let settle = first(|step| matches!(step, Step::SettleTarget(_)));
        Self {
            stop: first(Step::stops_app),
            set_is_removed: first(|step| matches!(step, Step::RemoveSet(_))),
            release: first(|step| matches!(step, Step::ReleaseClaim(_))),
            adoption: first(|step| matches!(step, Step::AdoptClaim(_))),
            start,
            started: start.map(|start| settle.map_or(start + 1, |settle| settle.min(start + 1))),
            end: stages.len(),
        }
    }

    fn end_of(&self, guard: Guard) -> Option<usize> {
        match guard {
            Guard::Nothing => None,
            Guard::UntilStop => self.stop,
            Guard::UntilSetIsRemoved => self.set_is_removed.or(self.start),
            Guard::UntilSetIsRemovedOrAdopted => self.set_is_removed.or(self.adoption),
            Guard::UntilRelease => self.release,
            Guard::UntilReleaseOrEnd => self.release.or(Some(self.end)),
            Guard::UntilAdoption => self.adoption,
            Guard::UntilStart => self.start,
            Guard::UntilStarted => self.started,
        }
    }
}
