//! Movers that are there and get nowhere, from the moment the app is stopped: they take no order, or say nothing new, or their node does not
//! let them be asked. The app is not to wait for them as long as a copy may take, which can be a day.

use kubectl_stateful::contract::orders::{self, Phase as OrderPhase, Report, VolumeReport};
use kubectl_stateful::engine::{Ending, Trouble};
use kubectl_stateful::survey::AppKind;
use serde_json::Value;

use super::kubelet::mounts;
use super::outcome::{self, Move, Side, Went};
use super::scenario::{self, Scenario};
use super::sweep::in_paused_time;
use super::{Phase, Sim};

/// How a mover gets nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It takes no order.
    Deaf,
    /// It takes its order and says for ever that it is at it.
    Hung,
    /// Its log cannot be read.
    Unheard,
    /// It goes on and on, and says so, for far longer than it had said.
    Slow,
}

/// Which mover gets nowhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stuck {
    way: Way,
    /// [`orders::SOURCE_ROOT`] or [`orders::TARGET_ROOT`]: the end it is.
    end: &'static str,
    /// Since when, on the simulated clock; none before the app is stopped.
    since: Option<u64>,
}

/// How long the app may wait for it, in milliseconds: what is waited for, a guard's round, and the way back.
const DOWN_MS_MAX: u64 = 150_000;

impl Sim {
    /// Whether a mover gets nowhere in this way.
    pub(super) fn is_stuck(&self, pod: &Value, way: Way) -> bool {
        let stuck = self.stuck.filter(|stuck| stuck.way == way && stuck.since.is_some());
        stuck.is_some_and(|stuck| mounts(pod).any(|(_, path)| path.starts_with(stuck.end)))
    }

    /// What a mover says that is slow: for how long it has been at it, and that it got further since.
    pub(super) fn say_slow(&self, report: &mut Report) {
        let since = self.stuck.and_then(|stuck| stuck.since).unwrap_or(self.store.now);
        let elapsed_ms = self.store.now - since;
        report.volumes = vec![VolumeReport {
            name: "c0".to_owned(),
            phase: OrderPhase::Copying,
            bytes_done: elapsed_ms,
            elapsed_ms,
            ..VolumeReport::default()
        }];
    }

    /// The app is being stopped: from now on they do.
    pub(super) fn get_stuck(&mut self) {
        let (phase, now) = (self.phase, self.store.now);
        if let Some(stuck) = self.stuck.as_mut().filter(|stuck| stuck.since.is_none() && phase == Phase::Proving) {
            stuck.since = Some(now);
            if stuck.way == Way::Deaf {
                // So that both ends are to be given new orders.
                self.crash_movers();
            }
        }
    }
}

async fn brought_back(scenario: &Scenario, way: Way, end: &'static str) {
    let what = format!("{}: {way:?} at {end}", scenario.name);
    let mut moving = Move::new(scenario).await;
    moving.with(|sim| sim.stuck = Some(Stuck { way, end, since: None }));
    let went = moving.once(outcome::Course::Begin).await;
    assert!(matches!(went, Went::Ended(Ending::Undone(Some(Trouble::Step { .. })))), "{what}: {went:?}");
    let took = moving.with(|sim| sim.store.now - sim.stuck.and_then(|stuck| stuck.since).expect("the app was stopped"));
    assert!(took < DOWN_MS_MAX, "{what}: back after {took} ms only");
    moving.ends_well(Side::Source, &what).await;
}

#[test]
fn movers_that_get_nowhere_do_not_keep_the_app_down() {
    let forward = scenario::ALL.iter().filter(|scenario| !scenario.is_back && scenario.taken_back_from.is_none());
    for scenario in forward {
        for way in [Way::Deaf, Way::Hung, Way::Unheard] {
            in_paused_time(brought_back(scenario, way, orders::SOURCE_ROOT));
        }
        // Of what is copied cold nothing was predicted.
        if scenario.kind != AppKind::Claim {
            in_paused_time(brought_back(scenario, Way::Slow, orders::SOURCE_ROOT));
        }
    }
    // The others have one mover for both ends.
    let over_network = scenario::ALL.iter().filter(|scenario| scenario.to == "now" && !scenario.is_back);
    for scenario in over_network {
        for way in [Way::Deaf, Way::Unheard] {
            in_paused_time(brought_back(scenario, way, orders::TARGET_ROOT));
        }
    }
}
