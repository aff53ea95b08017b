//! Another namespace's app that was moved by runs of the very same names. Its volumes lie beside those of the app under test, marked
//! as ours are but for the namespace, and none of what a run does may touch them.

use serde_json::json;

use kubectl_stateful::plan::{RunId, marks};

use super::Sim;
use super::outcome::{Course, Move, Went};
use super::scenario;
use super::store::text;
use super::sweep::in_paused_time;

const NAMESPACE: &str = "other";

/// Names that the scenarios give to runs.
const RUNS: [&str; 2] = ["m1", "m2"];

impl Sim {
    /// Makes the neighbour's volumes: of each run one kept and one just made.
    pub(super) fn settle_neighbour(&mut self) {
        for run in RUNS {
            for role in [marks::ROLE_SOURCE, marks::ROLE_TARGET] {
                self.make_marked(NAMESPACE, &RunId(run.to_owned()), role);
            }
        }
        self.settle();
        self.neighbours = self.store.all("persistentvolumes", "").map(named).collect();
    }

    /// The neighbour's volumes as they are now are as they should be: it was not a run that changed them.
    pub(super) fn excuse_neighbour(&mut self) {
        let now = self.store.all("persistentvolumes", "").map(named).filter(|(name, _)| self.neighbours.contains_key(name));
        self.neighbours = now.collect();
    }

    fn make_marked(&mut self, namespace: &str, run: &RunId, role: &str) {
        let volume = json!({ "apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": { "name": format!("{namespace}-{run}-{role}"), "labels": marks::of_volume(namespace, run, role, "c0"),
                "annotations": { marks::TARGET_OF: format!("{namespace}/{run}/c0") } },
            "spec": { "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"], "storageClassName": "slow", "volumeMode": "Filesystem",
                "persistentVolumeReclaimPolicy": "Retain", "csi": { "driver": "slow.csi", "volumeHandle": role },
                "claimRef": { "namespace": namespace, "name": "data", "uid": "gone" } } });
        self.make("persistentvolumes", volume);
    }

    /// Whether a volume is one of the neighbour's.
    pub(super) fn is_neighbour(&self, volume: &str) -> bool {
        self.neighbours.contains_key(volume)
    }

    pub(super) fn the_neighbour_is_left_alone(&mut self) {
        let is = |name: &str| self.store.get("persistentvolumes", "", name).map(version);
        let touched: Vec<String> =
            self.neighbours.iter().filter(|(name, was)| is(name).as_ref() != Some(was)).map(|(name, _)| name.clone()).collect();
        for volume in touched {
            self.violate(format!("volume {volume} of another namespace was touched"));
        }
    }
}

fn named(volume: &serde_json::Value) -> (String, String) {
    (text(volume, "/metadata/name").to_owned(), version(volume))
}

fn version(object: &serde_json::Value) -> String {
    text(object, "/metadata/resourceVersion").to_owned()
}

#[test]
fn a_run_does_not_begin_on_the_marks_of_one_whose_records_are_gone() {
    let refused = in_paused_time(async {
        let mut moving = Move::new(&scenario::SMALL_SET).await;
        let run = moving.plan.run().clone();
        moving.with(|sim| sim.make_marked("app", &run, marks::ROLE_TARGET));
        moving.once(Course::Begin).await
    });
    let Went::Refused(why) = refused else { panic!("it began") };
    assert!(why.starts_with("volume app-m1-target bears the marks of an earlier run `m1`"), "{why}");
}
