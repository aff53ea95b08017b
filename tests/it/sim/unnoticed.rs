//! Kubelets that miss each order until its pod is changed once more, as real ones now and then do, see `orders::REMIND_AFTER`. Here
//! they never look again by themselves.

use kubectl_stateful::engine::Ending;
use kubectl_stateful::plan::marks;
use serde_json::Value;

use super::Sim;
use super::outcome::{Course, Move, Side, Went};
use super::scenario::{self, Scenario};
use super::store::text;
use super::sweep::in_paused_time;

impl Sim {
    /// From now on kubelets miss each order.
    pub(super) fn miss_orders(&mut self) {
        self.missed = Some(Default::default());
    }

    /// Whether the kubelet has missed the order of this number so far.
    pub(super) fn is_missed(&mut self, pod: &Value, sequence: u64) -> bool {
        let Some(missed) = &mut self.missed else { return false };
        let reminded = &pod["metadata"]["annotations"][marks::REMINDED];
        missed.entry((text(pod, "/metadata/uid").to_owned(), sequence)).or_insert_with(|| reminded.clone()) == reminded
    }
}

async fn moved(scenario: &Scenario) {
    let mut moving = Move::new(scenario).await;
    moving.with(Sim::miss_orders);
    let went = moving.once(Course::Begin).await;
    assert!(matches!(went, Went::Ended(Ending::Completed)), "{}: {went:?}", scenario.name);
    let missed = moving.with(|sim| sim.missed.as_ref().map_or(0, |missed| missed.len()));
    assert!(missed > 0, "{}: no order was missed", scenario.name);
    moving.ends_well(Side::Target, scenario.name).await;
}

#[test]
fn an_order_that_a_kubelet_missed_is_brought_to_mind_again() {
    let forward = scenario::ALL.iter().filter(|scenario| !scenario.is_back && scenario.taken_back_from.is_none());
    forward.for_each(|scenario| in_paused_time(moved(scenario)));
}
