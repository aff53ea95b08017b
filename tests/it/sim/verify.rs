//! Two claims compared by a mover pod: what is found, and that the pod is gone afterwards whatever happened.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kubectl_stateful::contract::orders::{self, MoverState, Volume};
use kubectl_stateful::mover::ground::progress::{Cancel, Progress};
use kubectl_stateful::mover::pass::compare;
use kubectl_stateful::operate::verify::{Comparison, Findings, VerifyError, compare};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::disks::Holds;
use super::kubelet::{Mover, mounted_at};
use super::store::text;
use super::sweep::in_paused_time;
use super::{Sim, connect};

impl Sim {
    /// Carries out an order to compare; returns whether the mover's work is over.
    pub(super) fn compare(&self, pod: &Value, mover: &mut Mover, volumes: &[Volume]) -> bool {
        let under = |volume: &Volume| self.volume_under(pod, &mounted_at(pod, &format!("{}/{}", orders::SOURCE_ROOT, volume.name))?);
        let found: Vec<String> = volumes.iter().filter_map(under).collect();
        let [one, other] = found.as_slice() else { panic!("two volumes are mounted: {volumes:?}") };
        let progress = [Progress::default(), Progress::default()];
        let paths = [self.disks.path(one), self.disks.path(other)];
        let state = self.disks.state_of(text(pod, "/metadata/uid"));
        let modes = self.disks.mode(one);
        let compared = compare::compare([&paths[0], &paths[1]], modes, &state, [&progress[0], &progress[1]], &Cancel::default());
        compared.expect("nothing writes to them");
        let reports = volumes.iter().zip(&progress).map(|(volume, progress)| progress.report(&volume.name));
        mover.end(MoverState::Done, reports.collect());
        true
    }

    fn volume_of(&self, claim: &str) -> String {
        let object = self.store.get("persistentvolumeclaims", "app", claim).expect("it is there");
        text(object, "/spec/volumeName").to_owned()
    }
}

fn comparison() -> Comparison {
    Comparison {
        namespace: "app".to_owned(),
        claims: ["left".to_owned(), "right".to_owned()],
        pod: "stateful-verify-m1".to_owned(),
        image: "mover:1".to_owned(),
        within: Duration::from_secs(600),
    }
}

/// A cluster with two claims of which one is a copy of the other.
fn furnished() -> Arc<Mutex<Sim>> {
    let mut sim = Sim::new();
    for name in ["left", "right"] {
        let spec = json!({ "accessModes": ["ReadWriteOnce"], "storageClassName": "now", "volumeMode": "Filesystem",
            "resources": { "requests": { "storage": "1Gi" } } });
        sim.make(
            "persistentvolumeclaims",
            json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name }, "spec": spec }),
        );
    }
    sim.settle();
    let [left, right] = ["left", "right"].map(|claim| sim.volume_of(claim));
    sim.disks.write(&left, &Holds { dataset: "left".to_owned(), lines: 1, is_ended: true });
    let whole = sim.disks.path(&left).join(".");
    let copied = Command::new("cp").arg("-a").arg(&whole).arg(sim.disks.path(&right)).status();
    assert!(copied.expect("cp is there").success());
    Arc::new(Mutex::new(sim))
}

fn with<T>(sim: &Mutex<Sim>, work: impl FnOnce(&mut Sim) -> T) -> T {
    work(&mut sim.lock().expect("no panic"))
}

/// Whether there is a mover pod that is not on its way out.
fn has_mover(sim: &Mutex<Sim>) -> bool {
    with(sim, |sim| sim.store.all("pods", "").any(|pod| text(pod, "/metadata/name") == "stateful-verify-m1"))
}

/// Compares the two claims, to the end of the pod.
async fn compared(sim: &Arc<Mutex<Sim>>) -> Result<Findings, VerifyError> {
    let (_keep, interrupts) = watch::channel(0);
    let outcome = compare(&connect(sim), &comparison(), interrupts).await;
    // At once: whoever moves the claims next would be told that it mounts them.
    assert!(!has_mover(sim), "the pod was left behind");
    outcome
}

/// Changes one byte of a file and nothing else that shows.
fn flip(path: &Path) {
    let modified = std::fs::metadata(path).and_then(|one| one.modified()).expect("a time");
    let mut bytes = std::fs::read(path).expect("a file");
    bytes[4000] ^= 1;
    std::fs::write(path, bytes).expect("a file");
    std::fs::File::options().write(true).open(path).and_then(|file| file.set_modified(modified)).expect("a time");
}

#[test]
fn a_copy_is_the_same_and_one_byte_makes_it_another() {
    in_paused_time(async {
        let sim = furnished();
        let same = compared(&sim).await.expect("they are compared");
        assert!(same.is_same() && same.differences.is_empty(), "{same:?}");
        assert_eq!(same.claims[0].claim, "left");
        assert_eq!(same.claims[1].volume, with(&sim, |sim| sim.volume_of("right")));
        assert!(same.claims[0].entries >= 4 && same.claims[0].bytes > 5000, "{same:?}");

        flip(&with(&sim, |sim| sim.disks.path(&sim.volume_of("right"))).join("more/first"));
        let differ = compared(&sim).await.expect("they are compared");
        assert!(!differ.is_same());
        assert_eq!(differ.differences, ["more/first"]);
        assert_eq!(differ.claims[0].root, same.claims[0].root);
    });
}

#[test]
fn an_order_that_the_kubelet_missed_is_brought_to_mind_again() {
    in_paused_time(async {
        let sim = furnished();
        with(&sim, Sim::miss_orders);
        assert!(compared(&sim).await.expect("they are compared").is_same());
    });
}

#[test]
fn a_pod_that_its_node_fails_ends_the_comparison() {
    in_paused_time(async {
        let sim = furnished();
        with(&sim, Sim::miss_orders);
        let is_running = |sim: &Sim| sim.store.all("pods", "").any(|pod| text(pod, "/status/phase") == "Running");
        let once_it_runs = async {
            while !with(&sim, |sim| is_running(sim)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            with(&sim, |sim| sim.fail_mover("Evicted", "The node was low on resource: memory."));
        };
        match tokio::join!(compared(&sim), once_it_runs).0 {
            Err(VerifyError::Failed(why)) => assert!(why.contains("low on resource"), "{why}"),
            other => panic!("this should have failed: {other:?}"),
        }
    });
}

#[test]
fn an_interrupt_takes_the_pod_away() {
    in_paused_time(async {
        let sim = furnished();
        let (interrupt, interrupts) = watch::channel(0);
        let (connection, comparison) = (connect(&sim), comparison());
        let once_it_is_there = async {
            while !has_mover(&sim) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            interrupt.send(1).expect("somebody listens");
        };
        let (outcome, ()) = tokio::join!(compare(&connection, &comparison, interrupts), once_it_is_there);
        assert!(matches!(outcome, Err(VerifyError::Interrupted)), "{outcome:?}");
        assert!(!has_mover(&sim), "the pod was left behind");
    });
}

/// What a run copies is about to change, and its movers are not for anybody to stop.
#[test]
fn claims_that_a_run_holds_are_not_compared() {
    in_paused_time(async {
        let sim = furnished();
        with(&sim, |sim| use_as(sim, "stateful-m7-0-source", "left", "n1"));
        match compared(&sim).await {
            Err(VerifyError::Refused { what, hint }) => {
                assert!(what.contains("claim `left` is mounted by pod stateful-m7-0-source of run `m7`"), "{what}");
                assert!(hint.contains("`kubectl stateful status m7 -n app`"), "{hint}");
            }
            other => panic!("this should have been refused: {other:?}"),
        }
    });
}

fn use_on(sim: &mut Sim, claim: &str, node: &str) {
    use_as(sim, &format!("uses-{claim}"), claim, node);
}

fn use_as(sim: &mut Sim, pod: &str, claim: &str, node: &str) {
    let volumes = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": claim } }]);
    let container = json!({ "name": "c", "image": "app:1", "volumeMounts": [{ "name": "data", "mountPath": "/data" }] });
    sim.make(
        "pods",
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": pod },
            "spec": { "nodeName": node, "containers": [container], "volumes": volumes } }),
    );
}

#[test]
fn claims_that_two_nodes_hold_are_refused_and_no_pod_is_made() {
    in_paused_time(async {
        let sim = furnished();
        with(&sim, |sim| {
            use_on(sim, "left", "n1");
            use_on(sim, "right", "n2");
        });
        match compared(&sim).await {
            Err(VerifyError::Refused { what, hint }) => {
                assert!(what.contains("uses-left on n1") && what.contains("uses-right on n2"), "{what}");
                assert!(hint.contains("stop pod uses-left"), "{hint}");
            }
            other => panic!("this should have been refused: {other:?}"),
        }
        let made = with(&sim, |sim| sim.log.iter().filter(|call| call.is_write && call.words.contains("verify")).count());
        assert_eq!(made, 0);
    });
}
