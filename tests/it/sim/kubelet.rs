//! The kubelet of a simulated cluster: starts and stops containers. Apps are the judge's own; movers are real, on folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kubectl_stateful::contract::orders::{self, Failure, Fingerprint, MoverState, Order, Orders, PassTarget, Reason, Report, VolumeReport};
use kubectl_stateful::mover::ground::fail::Halt;
use kubectl_stateful::mover::ground::progress::Progress;
use kubectl_stateful::mover::pass::local::LocalTarget;
use kubectl_stateful::mover::pass::source::SourceVolume;
use kubectl_stateful::mover::pass::target::TargetVolume;
use kubectl_stateful::plan::marks;
use serde_json::{Value, json};

use super::Sim;
use super::controllers::{claims_of, pin};
use super::disks::Holds;
use super::keys::Slip;
use super::programs::Program;
use super::store::{Refused, is_terminating, text};
use super::stuck::Way;

/// A mover's process.
#[derive(Clone)]
pub(crate) struct Mover {
    report: Report,
    state: PathBuf,
    process: u64,
    targets: BTreeMap<String, Arc<TargetVolume>>,
    /// Orders it has taken and will have carried out at the next tick.
    at: Option<Orders>,
    /// The real program, in runs that are listened to.
    program: Option<Arc<Program>>,
}

impl Mover {
    /// Whether it has nothing to carry out.
    pub(crate) fn is_idle(&self) -> bool {
        self.at.is_none()
    }

    pub(super) fn end(&mut self, state: MoverState, volumes: Vec<VolumeReport>) {
        self.report.state = state;
        self.report.volumes = volumes;
    }
}

const PORT: u16 = 7777;

/// How long an app goes on after it was asked to stop.
const STOP_TICKS: u64 = 20;

/// How long a mover may keep a pod of the app from starting, in milliseconds: a guard's round, and what it takes the pod to go.
const IN_THE_WAY_MS_MAX: u64 = 30_000;

/// The address of a mover pod.
fn address(pod: &Value) -> String {
    format!("10.0.0.{}", text(pod, "/metadata/uid").trim_start_matches("uid-").parse::<u64>().unwrap_or(0) % 250 + 1)
}

fn key(pod: &Value) -> String {
    text(pod, "/metadata/uid").to_owned()
}

/// Whether a pod has a mover in it. A label alone makes none.
pub(super) fn is_mover(pod: &Value) -> bool {
    pod["metadata"]["labels"][marks::ROLE] == marks::ROLE_MOVER && text(pod, "/metadata/name").starts_with("stateful-")
}

impl Sim {
    pub(super) fn kubelet(&mut self) {
        for pod in self.store.copies("pods") {
            if text(&pod, "/spec/nodeName").is_empty() {
                continue;
            }
            match text(&pod, "/status/phase") {
                _ if is_terminating(&pod) => self.stop(&pod),
                "Pending" => self.start(&pod),
                "Running" => self.run(&pod),
                _ => {}
            }
        }
    }

    /// The volumes a pod mounts, by claim; none while one is not bound.
    fn volumes_of(&self, pod: &Value) -> Option<Vec<(String, String)>> {
        let space = text(pod, "/metadata/namespace");
        claims_of(pod)
            .into_iter()
            .map(|claim| {
                let object = self.store.get("persistentvolumeclaims", space, &claim)?;
                let volume = text(object, "/spec/volumeName").to_owned();
                (text(object, "/status/phase") == "Bound").then_some((claim, volume))
            })
            .collect()
    }

    /// Whether a pod is on a node outside the affinity of one of its volumes: the kubelet mounts nothing there
    /// (`checkNodeAffinity` in pkg/volume/util/operationexecutor).
    pub(super) fn is_misplaced(&self, pod: &Value) -> bool {
        let node = text(pod, "/spec/nodeName");
        let volumes = self.volumes_of(pod).unwrap_or_default();
        let pins = volumes.iter().filter_map(|(_, volume)| Some(pin(self.store.get("persistentvolumes", "", volume)?)));
        !node.is_empty() && pins.filter(|pin| !pin.is_empty()).any(|pin| pin != node)
    }

    fn start(&mut self, pod: &Value) {
        let Some(volumes) = self.volumes_of(pod) else { return };
        if self.is_misplaced(pod) || self.is_attached_elsewhere(pod, &volumes) || self.refused_mount(pod).is_some() {
            return;
        }
        if pod["spec"]["containers"][0]["command"] == json!(["true"]) {
            self.pod_status(pod, |pod| {
                pod["status"] = json!({ "phase": "Succeeded", "containerStatuses": ended(pod, 0) });
            });
            return;
        }
        if is_mover(pod) {
            self.start_mover(pod);
        } else if (self.was_made_again || self.was_deleted) && volumes.iter().any(|(claim, volume)| self.is_strange(claim, volume)) {
            // A database without its data does not come up.
        } else {
            for (claim, volume) in &volumes {
                self.app_starts(pod, claim, volume);
            }
            self.mounted.insert(key(pod), volumes);
        }
        let ip = self.ip(pod);
        self.pod_status(pod, |pod| {
            pod["status"] = json!({ "phase": "Running", "podIP": ip, "containerStatuses": running(pod) });
        });
    }

    /// Whether another pod has one of the volumes mounted on another node: these are for one node at a time (`ReadWriteOnce`). A mover that keeps
    /// a pod of the app from starting for long is in its way.
    fn is_attached_elsewhere(&mut self, pod: &Value, volumes: &[(String, String)]) -> bool {
        let has_started = |other: &Value| text(other, "/status/phase") == "Running";
        let others = self.store.all("pods", text(pod, "/metadata/namespace"));
        let elsewhere = others.filter(|other| has_started(other) && text(other, "/spec/nodeName") != text(pod, "/spec/nodeName"));
        let holds = |other: &&Value| {
            self.volumes_of(other).unwrap_or_default().iter().any(|(_, volume)| volumes.iter().any(|(_, wanted)| wanted == volume))
        };
        let Some(holder) = elsewhere.into_iter().find(holds).cloned() else {
            self.kept_waiting.remove(&key(pod));
            return false;
        };
        let now = self.store.now;
        let since = *self.kept_waiting.entry(key(pod)).or_insert(now);
        if is_mover(&holder) && !is_mover(pod) && now - since > IN_THE_WAY_MS_MAX {
            self.kept_waiting.insert(key(pod), now);
            self.violate(format!("{} keeps {} from starting", text(&holder, "/metadata/name"), text(pod, "/metadata/name")));
        }
        true
    }

    /// The volume that the driver does not publish to a mover, since it has published it to the app.
    pub(super) fn refused_mount(&self, pod: &Value) -> Option<String> {
        if self.store.now >= self.refuses_second_mount_until || !is_mover(pod) || text(pod, "/status/phase") != "Pending" {
            return None;
        }
        let is_out = |volume: &String| self.mounted.values().flatten().any(|(_, mounted)| mounted == volume);
        self.volumes_of(pod)?.into_iter().map(|(_, volume)| volume).find(is_out)
    }

    fn pod_status(&mut self, pod: &Value, change: impl FnOnce(&mut Value)) {
        self.store.change("pods", text(pod, "/metadata/namespace"), text(pod, "/metadata/name"), "kubelet", change);
    }

    fn run(&mut self, pod: &Value) {
        if is_mover(pod) {
            self.run_mover(pod);
            return;
        }
        for (claim, volume) in self.mounted.get(&key(pod)).cloned().unwrap_or_default() {
            self.app_writes(&claim, &volume);
        }
        let is_unready = self.store.now < self.unready_until || self.unready_on.is_some_and(|class| self.is_on(pod, class));
        let is_ready = if is_unready { "False" } else { "True" };
        if text(pod, "/status/conditions/0/status") != is_ready {
            self.pod_status(pod, |pod| pod["status"]["conditions"] = json!([{ "type": "Ready", "status": is_ready }]));
        }
    }

    /// Whether a pod has a claim of this class.
    fn is_on(&self, pod: &Value, class: &str) -> bool {
        let space = text(pod, "/metadata/namespace");
        let claims = claims_of(pod);
        let mut found = claims.iter().filter_map(|claim| self.store.get("persistentvolumeclaims", space, claim));
        found.any(|claim| text(claim, "/spec/storageClassName") == class)
    }

    /// First the containers end, then the pod is gone.
    fn stop(&mut self, pod: &Value) {
        let all = pod["status"]["containerStatuses"].as_array();
        let has_ended = all.is_some_and(|all| all.iter().all(|status| status["state"]["terminated"].is_object()));
        if has_ended || text(pod, "/status/phase") == "Pending" {
            self.end_mover(pod);
            if pod["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty) {
                self.store.remove("pods", text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
            }
            return;
        }
        let asked_at = *self.asked_to_stop.entry(key(pod)).or_insert(self.ticks);
        if let Some(ms) = self.node_is_lost_for.filter(|_| !is_mover(pod)) {
            self.lose_node(pod, self.store.now + ms);
            return;
        }
        if !is_mover(pod) && self.ticks < asked_at + STOP_TICKS {
            self.run(pod);
            return;
        }
        for (claim, volume) in self.mounted.remove(&key(pod)).unwrap_or_default() {
            self.app_stops(&claim, &volume);
        }
        self.end_mover(pod);
        self.pod_status(pod, |pod| {
            pod["status"]["containerStatuses"] = ended(pod, 0);
            pod["status"]["conditions"] = Value::Null;
        });
    }

    /// Nothing of a pod has its volumes mounted any more; returns what it had.
    pub(super) fn unmount(&mut self, pod: &Value) -> Vec<(String, String)> {
        self.mounted.remove(&key(pod)).unwrap_or_default()
    }

    /// An app's last words on a volume.
    pub(super) fn ends_on(&mut self, claim: &str, volume: &str) {
        self.app_stops(claim, volume);
    }

    /// Whether an app that had data finds none.
    fn is_strange(&mut self, claim: &str, volume: &str) -> bool {
        self.acked.get(claim).is_some_and(|lines| *lines > 0) && self.disks.holds(volume).dataset != claim
    }

    /// An app checks what it finds, as a database replays its log.
    fn app_starts(&mut self, pod: &Value, claim: &str, volume: &str) {
        let holds = self.disks.holds(volume);
        let acked = self.acked.get(claim).copied().unwrap_or(0);
        if acked > 0 && (holds.dataset != claim || holds.lines != acked) {
            self.violate(format!(
                "{} starts on volume {volume} with {holds:?} where {acked} lines were acknowledged",
                text(pod, "/metadata/name")
            ));
        }
        let is_shared = self.mounted.values().flatten().any(|(_, mounted)| mounted == volume);
        if acked > 0 && !holds.is_ended && !is_shared {
            self.violate(format!("{} starts on volume {volume}, which was copied while it was written to", text(pod, "/metadata/name")));
        }
    }

    pub(super) fn app_writes(&mut self, claim: &str, volume: &str) {
        let lines = self.acked.get(claim).copied().unwrap_or(0) + 1;
        // Less often after a while: a thousand lines show no more than ten.
        let every = if lines < 12 { 4 } else { 128 };
        if !self.ticks.is_multiple_of(every) {
            return;
        }
        self.disks.write(volume, &Holds { dataset: claim.to_owned(), lines, is_ended: false });
        self.acked.insert(claim.to_owned(), lines);
    }

    fn app_stops(&mut self, claim: &str, volume: &str) {
        let lines = self.acked.get(claim).copied().unwrap_or(0);
        self.disks.write(volume, &Holds { dataset: claim.to_owned(), lines, is_ended: true });
    }

    fn start_mover(&mut self, pod: &Value) {
        let uid = key(pod);
        let report = Report {
            version: self.movers_speak,
            sequence: 0,
            state: MoverState::Ready,
            fingerprint: Fingerprint(blake3::hash(uid.as_bytes()).to_hex().to_string()),
            port: 0,
            volumes: Vec::new(),
            volumes_left_out: 0,
            failure: None,
        };
        let state = self.disks.state_of(&uid);
        let process = self.calls + 1;
        let program = self.overheard.is_some().then(|| Arc::new(self.start_program(pod)));
        let report = program.as_ref().map_or(report, |program| program.report(|report| report.state == MoverState::Ready));
        self.movers.insert(uid, Mover { report, state, process, targets: BTreeMap::new(), at: None, program });
    }

    fn end_mover(&mut self, pod: &Value) {
        if let Some(mover) = self.movers.remove(&key(pod)) {
            drop(self.words(&mover));
        }
    }

    fn start_program(&mut self, pod: &Value) -> Program {
        let program = Program::start(self.root(pod, orders::SOURCE_ROOT), self.root(pod, orders::TARGET_ROOT));
        program.report(|report| report.state == MoverState::Ready);
        let slipped = self.listen(|overheard| overheard.learn(&program.memory()));
        match self.listen(|overheard| overheard.slip) {
            Some(Slip::Annotation) => self.pod_status(pod, |pod| pod["metadata"]["annotations"]["slipped"] = json!(slipped)),
            Some(Slip::Log) => program.slip(&slipped),
            None => {}
        }
        program
    }

    /// The folder in which a mover has its only volume of those beneath one of its roots.
    fn root(&self, pod: &Value, at: &str) -> Option<PathBuf> {
        let names: Vec<&str> = mounts(pod).filter(|(_, path)| path.starts_with(&format!("{at}/"))).map(|(name, _)| name).collect();
        assert!(names.len() < 2, "programs take one volume each");
        let volume = self.volume_under(pod, names.first()?).expect("its claims are bound");
        self.disks.path(&volume).parent().map(Path::to_owned)
    }

    /// The address of a pod: real programs are all on this machine.
    fn ip(&self, pod: &Value) -> String {
        if self.overheard.is_some() && is_mover(pod) { "127.0.0.1".to_owned() } else { address(pod) }
    }

    /// Takes new orders at one tick, and has carried them out at the next.
    fn run_mover(&mut self, pod: &Value) {
        let uid = key(pod);
        let Some(mut mover) = self.movers.remove(&uid) else { return };
        let orders: Option<Orders> =
            pod["metadata"]["annotations"][marks::ORDERS].as_str().and_then(|text| serde_json::from_str(text).ok());
        let is_heard = |orders: &Orders| orders.sequence > mover.report.sequence;
        let newer = orders.filter(|orders| is_heard(orders) && !self.is_missed(pod, orders.sequence) && !self.is_stuck(pod, Way::Deaf));
        // An end that serves does so until it is told otherwise; a pass is not broken off here.
        let is_free = mover.at.as_ref().is_none_or(|orders| matches!(orders.order, Order::Serve { .. }));
        let mut is_over = false;
        if let Some(orders) = newer.filter(|_| is_free) {
            mover.report.sequence = orders.sequence;
            mover.report.state = if orders.order == Order::Idle { MoverState::Ready } else { MoverState::Running };
            mover.report.failure = None;
            mover.report.port = if matches!(orders.order, Order::Serve { .. }) { PORT } else { 0 };
            if let Some(program) = &mover.program {
                program.order(&orders);
                mover.report.port = program.report(|report| report.sequence == orders.sequence).port;
            }
            mover.at = Some(orders);
        } else if self.is_stuck(pod, Way::Hung) {
            // It says for ever what it said.
        } else if self.is_stuck(pod, Way::Slow)
            && mover.at.as_ref().is_some_and(|orders| matches!(orders.order, Order::Pass { last: true, .. }))
        {
            self.say_slow(&mut mover.report);
        } else if self.is_still_at_it(&uid, mover.at.as_ref()) {
            // A pass takes its time.
        } else if let Some(orders) = mover.at.take() {
            is_over = self.carry_out(pod, &mut mover, &orders);
        }
        self.movers.insert(uid, mover);
        if is_over {
            self.pod_status(pod, mover_ended);
        }
    }

    /// Whether a mover has not been at its warm pass for as long as one takes.
    fn is_still_at_it(&mut self, uid: &str, orders: Option<&Orders>) -> bool {
        let is_warm = orders.is_some_and(|orders| matches!(orders.order, Order::Pass { last: false, .. }));
        if self.warm_pass_ms == 0 || !is_warm {
            return false;
        }
        let now = self.store.now;
        let since = *self.copies_since.entry(uid.to_owned()).or_insert(now);
        let is_through = now >= since + self.warm_pass_ms;
        if is_through {
            self.copies_since.remove(uid);
        }
        !is_through
    }

    fn carry_out(&mut self, pod: &Value, mover: &mut Mover, orders: &Orders) -> bool {
        if let Order::Compare { volumes } = &orders.order {
            return self.compare(pod, mover, volumes);
        }
        let Order::Pass { volumes, to, last, .. } = &orders.order else {
            // A serving end does nothing by itself; it keeps its order in mind.
            if matches!(orders.order, Order::Serve { .. }) && mover.report.state != MoverState::Done {
                mover.at = Some(orders.clone());
            }
            return mover.report.state == MoverState::Done;
        };
        if matches!(to, PassTarget::Peer { address, .. } if address.ends_with(":0")) {
            self.violate(format!("{} was told to send to where nobody listens", text(pod, "/metadata/name")));
        }
        let peer = match to {
            PassTarget::Here => None,
            PassTarget::Peer { fingerprint, .. } if mover.program.is_some() => Some(self.program_of(fingerprint)),
            PassTarget::Peer { address, fingerprint } => match self.peer(address, fingerprint, &mover.report.fingerprint) {
                Some(peer) => Some(peer),
                None => return fail(mover, Reason::Peer, "nobody answers"),
            },
        };
        let mut reports = Vec::new();
        for volume in volumes {
            let mounts = |pod: &Value, root: &str| mounted_at(pod, &format!("{root}/{}", volume.name));
            let target_pod = peer.as_ref().map_or(pod, |(_, pod)| pod);
            let (Some(source), Some(target)) = (mounts(pod, orders::SOURCE_ROOT), mounts(target_pod, orders::TARGET_ROOT)) else {
                return fail(mover, Reason::BadOrder, "the volume is not mounted");
            };
            let (Some(source), Some(target)) = (self.volume_under(pod, &source), self.volume_under(target_pod, &target)) else {
                return fail(mover, Reason::BadOrder, "a claim has no volume");
            };
            self.check_pass(&source, &target, *last);
            let passed = self.pass(mover, &volume.name, &source, &target, *last);
            self.disks.forget(&target);
            match passed {
                Ok(report) => reports.push(report),
                Err(Halt::Failed(Failure { reason, message, .. })) => return fail(mover, reason, &message),
                Err(Halt::Cancelled) => return fail(mover, Reason::System, "cancelled"),
            }
            if *last {
                let proven = self.disks.holds(&target);
                self.proven.insert(target, proven);
            }
        }
        mover.report.state = MoverState::Done;
        mover.report.volumes.clone_from(&reports);
        if let Some((uid, _)) = peer.filter(|_| *last) {
            let served = self.movers.get_mut(&uid).expect("it answered");
            served.program.iter().for_each(|program| drop(program.report(|report| report.state == MoverState::Done)));
            served.report.state = MoverState::Done;
            served.report.volumes = reports;
        }
        *last
    }

    /// The mover at an address, if it serves this peer and is the one it should be.
    fn peer(&self, at: &str, fingerprint: &Fingerprint, ours: &Fingerprint) -> Option<(String, Value)> {
        let pod = self.store.all("pods", "").find(|pod| format!("{}:{PORT}", address(pod)) == at && is_mover(pod))?;
        let mover = self.movers.get(&key(pod))?;
        let lets_in = matches!(mover.at.as_ref().map(|orders| &orders.order), Some(Order::Serve { peer, .. }) if peer == ours);
        (lets_in && mover.report.fingerprint == *fingerprint).then(|| (key(pod), pod.clone()))
    }

    /// The volume that a pod's volume of this name is on.
    pub(super) fn volume_under(&self, pod: &Value, volume: &str) -> Option<String> {
        let volumes = pod["spec"]["volumes"].as_array()?;
        let claim = volumes.iter().find(|one| one["name"] == volume)?["persistentVolumeClaim"]["claimName"].as_str()?;
        let object = self.store.get("persistentvolumeclaims", text(pod, "/metadata/namespace"), claim)?;
        Some(text(object, "/spec/volumeName").to_owned())
    }

    /// The mover whose program has this fingerprint, and its pod.
    fn program_of(&self, fingerprint: &Fingerprint) -> (String, Value) {
        let is_it = |pod: &&Value| self.movers.get(&key(pod)).is_some_and(|mover| mover.report.fingerprint == *fingerprint);
        let pod = self.store.all("pods", "").find(is_it).expect("no mover dies in a run that is listened to");
        (key(pod), pod.clone())
    }

    fn pass(&self, mover: &mut Mover, slot: &str, source: &str, target: &str, last: bool) -> Result<VolumeReport, Halt> {
        if let Some(program) = &mover.program {
            let through = program.report(|report| report.sequence == mover.report.sequence && report.state != MoverState::Running);
            return through.volumes.into_iter().find(|volume| volume.name == slot).ok_or(Halt::Cancelled);
        }
        let mode = self.disks.mode(source);
        let state = mover.state.join(slot);
        if !mover.targets.contains_key(target) {
            let opened = TargetVolume::at(&self.disks.path(target), mode, &state)?;
            mover.targets.insert(target.to_owned(), Arc::new(opened));
        }
        let source = SourceVolume::at(&self.disks.path(source), mode, &state, mover.process)?;
        let progress = Arc::new(Progress::default());
        source.pass(&mut LocalTarget::new(Arc::clone(&mover.targets[target]), None), last, &progress, &Arc::default())?;
        let mut report = progress.report(slot);
        // How long it really took must not decide how the simulation goes on.
        report.elapsed_ms = 1;
        report.predicted_last_pass_ms = Some(1);
        Ok(report)
    }

    pub(super) fn log(&self, namespace: &str, name: &str, container: &str) -> Result<String, Refused> {
        let Some(pod) = self.store.get("pods", namespace, name) else {
            return Err(Refused::new(404, "NotFound", format!("pods \"{name}\" not found")));
        };
        // `validateContainer` in pkg/registry/core/pod: of several one has to be named.
        if container.is_empty() && pod["spec"]["containers"].as_array().is_some_and(|all| all.len() > 1) {
            return Err(Refused::new(400, "BadRequest", format!("a container name must be specified for pod {name}")));
        }
        if !matches!(container, "" | "mover") {
            return Ok(String::new());
        }
        match self.movers.get(&key(pod)) {
            Some(_) if self.is_stuck(pod, Way::Unheard) => {
                Err(Refused::new(500, "InternalError", "dial tcp 10.0.0.1:10250: connect: connection refused".to_owned()))
            }
            Some(mover) => Ok(self.words(mover)),
            None => Err(Refused::new(
                400,
                "BadRequest",
                format!("container \"mover\" in pod \"{name}\" is waiting to start: ContainerCreating"),
            )),
        }
    }

    /// What a mover said last, and the beginning of what it says next.
    fn words(&self, mover: &Mover) -> String {
        if let Some(program) = &mover.program {
            self.overhear("said by a mover", || program.words());
        }
        let said = serde_json::to_string(&mover.report).expect("plain data");
        format!("{said}\n{}", &said[..said.len() / 2])
    }

    /// The kubelet fails the first mover pod that runs, as it does when its node is short of memory. What it said stays.
    pub(super) fn fail_mover(&mut self, reason: &str, message: &str) {
        let runs = |pod: &Arc<Value>| is_mover(pod) && text(pod, "/status/phase") == "Running" && !is_terminating(pod);
        let Some(pod) = self.store.copies("pods").into_iter().find(runs) else { return };
        if let Some(mover) = self.movers.get_mut(&key(&pod)) {
            mover.at = None;
            mover.targets.clear();
        }
        self.pod_status(&pod, |pod| {
            pod["status"] = json!({ "phase": "Failed", "reason": reason, "message": message, "containerStatuses": ended(pod, 137) });
        });
    }

    /// A mover's process ends and is started again, with another identity and without its memory.
    pub(crate) fn crash_movers(&mut self) {
        for pod in self.store.copies("pods") {
            if text(&pod, "/status/phase") == "Running" && self.movers.remove(&key(&pod)).is_some() {
                self.start_mover(&pod);
            }
        }
    }
}

/// The statuses of a pod's containers, which the kubelet sorts by name (`SortedContainerStatuses` in pkg/kubelet/types).
fn statuses(pod: &Value, state: &Value) -> Value {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let mut names: Vec<&str> = containers.map(|container| text(container, "/name")).collect();
    names.sort_unstable();
    names.into_iter().map(|name| json!({ "name": name, "state": state })).collect()
}

fn running(pod: &Value) -> Value {
    statuses(pod, &json!({ "running": {} }))
}

fn ended(pod: &Value, code: u8) -> Value {
    statuses(pod, &json!({ "terminated": { "exitCode": code } }))
}

/// The mover has ended; what was put beside it runs on, and the pod with it.
fn mover_ended(pod: &mut Value) {
    let mut statuses = running(pod);
    let all = statuses.as_array_mut().expect("statuses");
    for status in all.iter_mut().filter(|status| status["name"] == "mover") {
        status["state"] = json!({ "terminated": { "exitCode": 0 } });
    }
    if all.iter().all(|status| status["state"]["terminated"].is_object()) {
        pod["status"]["phase"] = json!("Succeeded");
    }
    pod["status"]["containerStatuses"] = statuses;
}

fn fail(mover: &mut Mover, reason: Reason, message: &str) -> bool {
    mover.report.state = MoverState::Failed;
    mover.report.failure = Some(Failure { reason, volume: None, message: message.to_owned() });
    false
}

/// The volumes that a pod's container has, by name, and at which paths.
pub(super) fn mounts(pod: &Value) -> impl Iterator<Item = (&str, &str)> {
    let containers = pod["spec"]["containers"].as_array();
    let own = containers.and_then(|all| all.iter().find(|one| one["name"] == "mover").or_else(|| all.first()));
    static NOTHING: Value = Value::Null;
    let container = own.unwrap_or(&NOTHING);
    let fields = [("volumeMounts", "/mountPath"), ("volumeDevices", "/devicePath")];
    fields.into_iter().flat_map(|(field, path)| {
        let all = container[field].as_array().into_iter().flatten();
        all.map(move |one| (text(one, "/name"), text(one, path)))
    })
}

/// The name of the volume that a pod's container has at a path.
pub(super) fn mounted_at(pod: &Value, path: &str) -> Option<String> {
    mounts(pod).find(|(_, at)| *at == path).map(|(name, _)| name.to_owned())
}
