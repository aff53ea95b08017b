//! A Kubernetes in memory: an API server, controllers that move on ticks, and a kubelet that runs real movers on folders.
//!
//! The product speaks to it through the real client. Time is tokio's paused clock, so that a day of waiting costs nothing and the
//! same faults at the same calls make the same run. What it does is compared with a real cluster by the live tests.

mod asleep;
mod bounds;
mod commands;
mod conformance;
mod controllers;
mod damage;
mod denied;
mod disks;
mod elsewhere;
mod ending;
mod faults;
mod foreign;
mod forged;
mod hands;
mod http;
mod judge;
mod keys;
mod kubelet;
mod lost;
mod mutations;
mod neighbour;
mod ordinary;
mod outage;
mod outcome;
mod parted;
mod programs;
mod roles;
mod scenario;
mod select;
mod share;
mod store;
mod stuck;
mod sweep;
mod table;
mod unnoticed;
mod verify;
mod void;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use kubectl_stateful::cluster::Connection;
use serde_json::{Value, json};

use denied::Denial;
use disks::{Disks, Holds};
use elsewhere::Policy;
use faults::Faults;
use foreign::Hand;
use http::Asked;
use keys::Overheard;
use kubelet::Mover;
use mutations::Mutation;
use outage::Outage;
use parted::Wire;
use store::Store;
use stuck::Stuck;
use void::Void;

/// How far the controllers get between two calls that follow each other at once, and how long a tick is, in milliseconds.
const CALL_MS: u64 = 10;
const TICK_MS: u64 = 50;

/// Ticks that are made up for after a long sleep; more would find everything at rest.
const TICKS_MAX: u64 = 40;

/// Address of the simulated server.
pub(crate) const ADDRESS: &str = "https://simulated";

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub(crate) is_write: bool,
    pub(crate) plural: String,
    pub(crate) words: String,
    /// The store's version then.
    version: u64,
    /// How often controllers have gone by then.
    ticks: u64,
    pub(crate) phase: Phase,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    #[default]
    Beginning,
    Reserving,
    Copying,
    Proving,
    Swapping,
    Starting,
    GoingBack,
}

impl Phase {
    pub(crate) const ALL: [Phase; 7] =
        [Phase::Beginning, Phase::Reserving, Phase::Copying, Phase::Proving, Phase::Swapping, Phase::Starting, Phase::GoingBack];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Phase::Beginning => "begin",
            Phase::Reserving => "pin, reserve",
            Phase::Copying => "copy",
            Phase::Proving => "stop, prove",
            Phase::Swapping => "swap claims",
            Phase::Starting => "start, settle",
            Phase::GoingBack => "go back",
        }
    }

    /// The phase of a stage of a plan.
    fn of(stage: &str, app_stops: bool) -> Self {
        match stage {
            "copy while the app runs" => Phase::Copying,
            "stop the app" | "copy what changed and prove the copies" => Phase::Proving,
            "start the movers" if app_stops => Phase::Proving,
            "start the app" | "wait until the app is ready" | "settle" => Phase::Starting,
            "keep the source volumes"
            | "keep the claims"
            | "reserve the kept volumes"
            | "reserve the target volumes"
            | "start the movers" => Phase::Reserving,
            _ => Phase::Swapping,
        }
    }
}

/// The simulated cluster.
#[derive(Clone)]
pub(crate) struct Sim {
    pub(crate) store: Store,
    disks: Disks,
    movers: BTreeMap<String, Mover>,
    /// What running pods of apps have mounted: pod uid → claim and volume.
    mounted: BTreeMap<String, Vec<(String, String)>>,
    /// Since when pods cannot start because a volume is mounted elsewhere, by uid.
    kept_waiting: BTreeMap<String, u64>,
    /// When pods were first seen to be deleted, by uid.
    asked_to_stop: BTreeMap<String, u64>,
    /// How many lines each claim's app was told are stored.
    acked: BTreeMap<String, u64>,
    /// Volumes each claim was rightly on last.
    trusted: BTreeMap<String, BTreeSet<String>>,
    /// What was on a volume when its last pass was through.
    proven: BTreeMap<String, Holds>,
    /// The run is one that gives up what the app wrote since.
    pub(crate) may_discard: bool,
    pub(crate) expects_pods: bool,
    /// The stateful set as its user wrote it; null where there is none.
    manifest: Value,
    /// The step at whose first deed the process dies.
    dies_at: Option<String>,
    /// Of the call that is made now.
    pub(crate) phase: Phase,
    /// Somebody else scaled the app.
    was_scaled: bool,
    /// Where kubelets miss orders: the orders that came, by pod and number, with the reminders their pods had then.
    missed: Option<BTreeMap<(String, u64), Value>>,
    /// Which movers get nowhere once the app is down, and since when they do.
    stuck: Option<Stuck>,
    /// Whether the scheduler does not know of volumes' affinities for the next pod of the app.
    scheduler_is_behind: bool,
    /// Somebody else deleted a claim or volume of the app.
    was_deleted: bool,
    /// Somebody else deleted or damaged the journal.
    was_forgotten: bool,
    /// Somebody else edited the app.
    was_edited: bool,
    /// Until when a node is cordoned.
    cordoned_until: Option<u64>,
    /// Somebody else moved the app's pods elsewhere.
    was_moved: bool,
    /// Somebody else annotated the app.
    was_annotated: bool,
    /// Somebody else's finalizer is on something of the app.
    was_held: bool,
    /// Somebody else made the set again while its claims were missing.
    was_made_again: bool,
    /// Somebody else let an old volume go.
    was_unpinned: bool,
    pub(crate) calls: u64,
    /// Every call.
    pub(crate) log: Vec<Call>,
    ticks: u64,
    /// The count of changes at which controllers had nothing to do.
    rests_at: Option<u64>,
    /// What was judged last: how often the store and the disks were changed.
    judged_at: Option<(u64, u64)>,
    began: tokio::time::Instant,
    /// How long it had been there when it began.
    lived: std::time::Duration,
    pub(crate) faults: Faults,
    late: Vec<(Asked, u64)>,
    outage: Outage,
    void: Void,
    denial: Denial,
    policies: Vec<Policy>,
    /// How long a pass beside the app takes, in milliseconds, and since when each mover is at one, by uid.
    warm_pass_ms: u64,
    copies_since: BTreeMap<String, u64>,
    /// When quotas were counted last.
    counted_at: u64,
    /// For how long a node is lost before it is fenced, in milliseconds, once the app on it is asked to stop; and what runs on there.
    node_is_lost_for: Option<u64>,
    ghosts: Vec<lost::Ghost>,
    /// What is attached where, and until when, and what is so though no pod uses it, until it was looked for so often.
    attached: BTreeMap<(String, String), u64>,
    attached_astray: Option<((String, String), usize)>,
    /// Until when drivers do not publish a volume to a second pod of a node.
    refuses_second_mount_until: u64,
    /// Which version of the orders movers speak.
    movers_speak: u32,
    /// The class on whose volumes the app never becomes ready.
    unready_on: Option<&'static str>,
    /// Until when kubelets report the app's pods as not ready.
    unready_until: u64,
    /// The user accepts a longer outage.
    pub(crate) accepts_outage: bool,
    /// The plan is to copy beside the running app.
    expects_warm: bool,
    /// Targets that were written to beside the running app.
    warmed: BTreeSet<String>,
    /// Policies that come once the run is so far.
    policies_from: Option<(Phase, Vec<Policy>)>,
    /// Credentials were void at some time.
    was_void: bool,
    /// Calls are made under the shipped roles.
    has_roles: bool,
    /// What of these roles the caller was not given, by plural.
    pub(super) withheld: Option<&'static str>,
    hand: Option<Hand>,
    /// The process under test is gone.
    is_dead: bool,
    death: Arc<tokio::sync::Notify>,
    pub(crate) violations: Vec<String>,
    trace: Vec<String>,
    /// Everything of the user's before the run.
    before: BTreeMap<String, Value>,
    /// Another namespace's volumes, with the versions at which they were made.
    neighbours: BTreeMap<String, String>,
    /// Volumes that ever named a claim of another namespace.
    once_elsewhere: BTreeSet<String>,
    /// What the product does wrong on purpose.
    pub(crate) mutation: Option<Mutation>,
    /// What is listened to, in runs whose movers are the real program.
    overheard: Option<Arc<Mutex<Overheard>>>,
}

impl Sim {
    /// An empty cluster of two nodes with the classes the scenarios know.
    pub(crate) fn new() -> Self {
        let mut sim = Self {
            store: Store::default(),
            disks: Disks::new(),
            movers: BTreeMap::new(),
            mounted: BTreeMap::new(),
            kept_waiting: BTreeMap::new(),
            asked_to_stop: BTreeMap::new(),
            acked: BTreeMap::new(),
            trusted: BTreeMap::new(),
            proven: BTreeMap::new(),
            may_discard: false,
            expects_pods: true,
            manifest: Value::Null,
            missed: None,
            stuck: None,
            dies_at: None,
            phase: Phase::default(),
            was_scaled: false,
            scheduler_is_behind: false,
            was_deleted: false,
            was_forgotten: false,
            was_edited: false,
            cordoned_until: None,
            was_moved: false,
            was_annotated: false,
            was_held: false,
            was_made_again: false,
            was_unpinned: false,
            calls: 0,
            log: Vec::new(),
            ticks: 0,
            rests_at: None,
            judged_at: None,
            began: tokio::time::Instant::now(),
            lived: std::time::Duration::ZERO,
            faults: Faults::default(),
            late: Vec::new(),
            outage: Outage::default(),
            void: Void::default(),
            denial: Denial::default(),
            policies: Vec::new(),
            warm_pass_ms: 0,
            copies_since: BTreeMap::new(),
            counted_at: 0,
            node_is_lost_for: None,
            ghosts: Vec::new(),
            attached: BTreeMap::new(),
            attached_astray: None,
            refuses_second_mount_until: 0,
            movers_speak: kubectl_stateful::contract::orders::VERSION,
            unready_on: None,
            unready_until: 0,
            accepts_outage: false,
            expects_warm: false,
            warmed: BTreeSet::new(),
            policies_from: None,
            was_void: false,
            has_roles: false,
            withheld: None,
            hand: None,
            is_dead: false,
            death: Arc::default(),
            violations: Vec::new(),
            trace: Vec::new(),
            before: BTreeMap::new(),
            neighbours: BTreeMap::new(),
            once_elsewhere: BTreeSet::new(),
            mutation: None,
            overheard: None,
        };
        sim.furnish();
        sim
    }

    fn furnish(&mut self) {
        for name in ["kube-system", "app"] {
            self.make("namespaces", json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }));
        }
        for node in ["n1", "n2"] {
            let labels = json!({ "kubernetes.io/hostname": node });
            self.make(
                "nodes",
                json!({ "metadata": { "name": node, "labels": labels }, "spec": {}, "status": {
                "conditions": [{ "type": "Ready", "status": "True" }] } }),
            );
        }
        let classes = [
            ("slow", "WaitForFirstConsumer", false, "Delete"),
            ("fast", "WaitForFirstConsumer", true, "Delete"),
            ("now", "Immediate", false, "Delete"),
            ("kept", "WaitForFirstConsumer", true, "Retain"),
        ];
        for (name, mode, pinned, policy) in classes {
            self.make(
                "storageclasses",
                json!({ "metadata": { "name": name }, "provisioner": format!("{name}.csi"), "reclaimPolicy": policy,
                "volumeBindingMode": mode, "parameters": { "pinned": pinned.to_string() } }),
            );
        }
    }

    /// Stores an object as a user would.
    #[track_caller]
    pub(crate) fn make(&mut self, plural: &str, object: Value) {
        let namespace = match plural {
            "nodes" | "storageclasses" | "namespaces" | "persistentvolumes" | "volumeattachments" => "",
            _ => "app",
        };
        if plural == "statefulsets" {
            self.manifest = object.clone();
        }
        self.store.create(plural, namespace, &object, "kubectl-client-side-apply", false).expect("a user's object is in order");
    }

    /// Whether nothing but apps' writing went on in a tick that began after so many changes.
    fn is_at_rest(&self, moves: u64) -> bool {
        self.store.moves() == moves
            && self.movers.values().all(kubelet::Mover::is_idle)
            && !self.store.all("pods", "").any(store::is_terminating)
    }

    fn age(&self) -> std::time::Duration {
        self.lived + self.began.elapsed()
    }

    /// A cluster that is to be gone on with on another clock. No mover may run: a process cannot be copied.
    fn kept(&self) -> Self {
        let uids: Vec<&str> = self.store.all("pods", "").map(|pod| store::text(pod, "/metadata/uid")).collect();
        assert!(!self.movers.keys().any(|uid| uids.contains(&uid.as_str())), "a mover still runs");
        Self { lived: self.age(), movers: BTreeMap::new(), ..self.clone() }
    }

    /// A copy of one that was kept, on the clock of now.
    fn taken_up(&self) -> Self {
        Self { began: tokio::time::Instant::now(), ..self.clone() }
    }

    /// Lets the cluster catch up with the clock.
    fn go_on(&mut self) {
        let elapsed = u64::try_from(self.age().as_millis()).expect("tests are short") + self.calls * CALL_MS;
        self.store.now = elapsed;
        let due = elapsed / TICK_MS;
        let from = self.ticks.max(due.saturating_sub(TICKS_MAX));
        for tick in from..due {
            let moves = self.store.moves();
            self.ticks = tick + 1;
            self.tick();
            if self.is_at_rest(moves) {
                self.ticks = due;
                break;
            }
        }
    }

    /// One pass of everything that moves by itself.
    fn tick(&mut self) {
        // Controllers go by what is stored: where the last pass changed nothing, the next one would not either.
        self.count_quotas();
        self.uncordon();
        let moves = self.store.moves();
        if self.rests_at != Some(moves) {
            self.controllers();
            self.rests_at = (self.store.moves() == moves).then_some(moves);
        }
        self.kubelet();
        self.run_ghosts();
        self.attach_and_detach();
        self.judge();
    }

    /// Lets the cluster come to rest.
    pub(crate) fn settle(&mut self) {
        for _ in 0..30 {
            self.ticks += 1;
            self.tick();
        }
    }

    fn die(&mut self) {
        self.is_dead = true;
        self.death.notify_one();
    }

    /// A new process takes over: what was on its way for the old one may still arrive.
    pub(crate) fn revive(&mut self) {
        self.is_dead = false;
        self.void.renew();
        self.death = Arc::default();
    }

    /// Notes what somebody could read, if anybody listens.
    fn overhear(&self, place: &'static str, words: impl FnOnce() -> String) {
        if self.overheard.is_some() {
            self.listen(|overheard| overheard.note(place, words()));
        }
    }

    /// Works on what is overheard, in a run that is listened to.
    fn listen<T>(&self, work: impl FnOnce(&mut Overheard) -> T) -> T {
        let overheard = self.overheard.as_ref().expect("somebody listens");
        work(&mut overheard.lock().expect("no code panics while holding this lock"))
    }

    /// The only events there are: of a pod whose volumes cannot be mounted where it is, or not a second time.
    fn events_about(&self, selector: &str) -> Vec<Value> {
        let of_one = |pod: &&Value| selector.contains(&format!("involvedObject.uid={},", store::text(pod, "/metadata/uid")));
        let Some(pod) = self.store.all("pods", "").find(of_one) else { return Vec::new() };
        let refused =
            self.refused_mount(pod).map(|volume| format!("MountVolume.SetUp failed for volume \"{volume}\": it is published already"));
        let misplaced = self.is_misplaced(pod).then(|| "MountVolume.NodeAffinity check failed".to_owned());
        misplaced.or(refused).map(|message| json!({ "reason": "FailedMount", "message": message })).into_iter().collect()
    }

    /// The last calls, for a failed test to show.
    pub(crate) fn trace(&self) -> String {
        let from = self.trace.len().saturating_sub(25);
        self.trace[from..].iter().enumerate().map(|(index, line)| format!("    {:>4} {line}\n", from + index + 1)).collect()
    }
}

/// A connection over a wire that may be cut.
fn connect_over(sim: &Arc<Mutex<Sim>>, wire: &Arc<Wire>) -> Connection {
    Connection::over(http::client(sim, wire), ADDRESS)
}

/// A connection of the product to a simulated cluster.
pub(crate) fn connect(sim: &Arc<Mutex<Sim>>) -> Connection {
    connect_over(sim, &Arc::default())
}
