//! An API server that is gone for minutes, at each change of a run that has begun: that is waited for, and the run goes on by itself. Nobody
//! could start the app while it is gone, but who gave up would leave it down.

use std::sync::Arc;
use std::time::Duration;

use kubectl_stateful::engine::{Ending, Trouble};
use tokio::time::Instant;

use super::faults::Fault;
use super::outcome::{Move, Side, Way, Went};
use super::scenario::{self, Scenario};
use super::sweep::{in_paused_time, log_of, say};
use super::{Call, Phase, Sim};

/// How long it is gone, in milliseconds.
const GONE_MS: u64 = 8 * 60_000;

impl Sim {
    pub(super) fn begin_outage(&mut self) {
        self.gone_until = self.store.now + GONE_MS;
    }

    pub(super) fn is_gone(&self) -> bool {
        self.store.now < self.gone_until
    }
}

/// The calls of a move from its first change on, for each of which it is waited.
fn calls_of(scenario: &'static Scenario) -> Vec<u64> {
    let log = log_of(scenario);
    let moves = |call: &Call| call.is_write && call.phase > Phase::Beginning && call.plural != "leases";
    // Nobody waits to say, at the end, that a run is over: a lease runs out by itself.
    let end = log.iter().rposition(|call| moves(call) && call.plural != "configmaps").expect("something is moved");
    (1..).zip(&log[..=end]).filter(|(_, call)| moves(call)).map(|(call, _)| call).collect()
}

async fn struck(scenario: &Scenario, call: u64) -> Move {
    let moving = Move::new(scenario).await;
    moving.with(|sim| sim.faults.0 = vec![(call, Fault::Outage)]);
    moving
}

async fn arrives(moving: &mut Move, way: Way, what: &str) {
    let went = moving.once(way).await;
    assert!(matches!(went, Went::Ended(Ending::Completed)), "{what}: {went:?}");
    moving.check(Side::Target).await;
    let violations = moving.with(|sim| sim.violations.clone());
    assert!(violations.is_empty(), "{what}: {violations:?}");
}

#[test]
fn an_api_server_that_is_gone_for_minutes_is_waited_for() {
    let mut count = 0;
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        for call in calls_of(scenario) {
            in_paused_time(async {
                let mut moving = struck(scenario, call).await;
                arrives(&mut moving, Way::Begin, &format!("{}, call {call}", scenario.name)).await;
            });
            count += 1;
        }
    }
    say(&format!("outages of eight minutes: {count} judged"));
}

/// Interrupts, as somebody does who will not have the app waited for, and returns how the run went and what it took to end.
async fn interrupted(moving: &mut Move) -> (Went, Duration) {
    let (sim, interrupts) = (Arc::clone(&moving.sim), moving.interrupts.clone());
    let in_the_outage = async {
        while !sim.lock().expect("no panic").is_gone() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
        interrupts.send_replace(2);
        Instant::now()
    };
    let once = async {
        let went = moving.once(Way::Begin).await;
        (went, Instant::now())
    };
    let ((went, ended), interrupted) = tokio::join!(once, in_the_outage);
    (went, ended - interrupted)
}

#[test]
fn an_interrupt_in_an_outage_ends_the_run_soon() {
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        for call in calls_of(scenario) {
            let what = format!("{}, call {call}", scenario.name);
            in_paused_time(async {
                let mut moving = struck(scenario, call).await;
                let (went, took) = interrupted(&mut moving).await;
                assert!(matches!(went, Went::Ended(Ending::Halted(Trouble::Interrupted))), "{what}: {went:?}");
                assert!(took < Duration::from_secs(40), "{what}: it took {took:?}");
                tokio::time::sleep(Duration::from_millis(GONE_MS)).await;
                arrives(&mut moving, Way::Resume, &what).await;
            });
        }
    }
}
