//! An API server that is gone for minutes, at each change of a run that has begun: that is waited for, and the run goes on by itself. Nobody
//! could start the app while it is gone, but who gave up would leave it down. And a server that is there and takes no change, since it
//! cannot ask whom it has to: that is waited for less long, and then taken back as soon as it can be.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use kubectl_stateful::engine::{Ending, Trouble};
use tokio::time::Instant;

use super::faults::Fault;
use super::http::Asked;
use super::outcome::{Course, Move, Side, Then, Went};
use super::scenario::{self, Scenario};
use super::share::Share;
use super::sweep::{in_paused_time, log_of, say};
use super::{Call, Phase, Sim};

const MINUTE_MS: u64 = 60_000;
const GONE_MS: u64 = 8 * MINUTE_MS;

/// What does not answer, in milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Outage {
    /// How long each lasts that begins.
    lasts: u64,
    /// Until when, on the simulated clock, no call gets through.
    server_until: u64,
    /// Until when no change does.
    webhook_until: u64,
}

impl Sim {
    pub(super) fn begin_outage(&mut self) {
        self.outage.server_until = self.store.now + self.outage.lasts;
    }

    pub(super) fn is_gone(&self) -> bool {
        self.store.now < self.outage.server_until
    }

    pub(super) fn lose_webhook(&mut self) {
        self.outage.webhook_until = self.store.now + self.outage.lasts;
    }

    pub(super) fn is_barred_by_webhook(&self, asked: &Asked) -> bool {
        let is_asked_about = asked.method != Method::GET && !matches!(asked.plural.as_str(), "configmaps" | "leases");
        is_asked_about && self.store.now < self.outage.webhook_until
    }
}

/// The calls of a move from its first change on, for each of which it is waited.
pub(super) fn calls_of(scenario: &'static Scenario) -> Vec<u64> {
    let log = log_of(scenario);
    let moves = |call: &Call| call.is_write && call.phase > Phase::Beginning && call.plural != "leases";
    // Nobody waits to say, at the end, that a run is over: a lease runs out by itself.
    let end = log.iter().rposition(|call| moves(call) && call.plural != "configmaps").expect("something is moved");
    (1..).zip(&log[..=end]).filter(|(_, call)| moves(call)).map(|(call, _)| call).collect()
}

async fn struck(scenario: &Scenario, call: u64, fault: Fault, lasts: u64) -> Move {
    let moving = Move::new(scenario).await;
    moving.with(|sim| {
        sim.outage = Outage { lasts, ..Outage::default() };
        sim.faults.0 = vec![(call, fault)];
    });
    moving
}

async fn arrives(moving: &mut Move, way: Course, what: &str) {
    let went = moving.once(way).await;
    assert!(matches!(went, Went::Ended(Ending::Completed)), "{what}: {went:?}");
    moving.ends_well(Side::Target, what).await;
}

#[test]
fn an_api_server_that_is_gone_for_minutes_is_waited_for() {
    let share = Share::of_this_run();
    let mut count = 0;
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        for (call, ()) in share.of_each(&calls_of(scenario), &[()]) {
            in_paused_time(async {
                let mut moving = struck(scenario, call, Fault::Outage, GONE_MS).await;
                arrives(&mut moving, Course::Begin, &format!("{}, call {call}", scenario.name)).await;
            });
            count += 1;
        }
    }
    say(&format!("outages of eight minutes: {count} tries judged"));
}

#[test]
fn changes_that_nobody_can_judge_are_waited_for() {
    let share = Share::of_this_run();
    let mut count = 0;
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        for (call, ()) in share.of_each(&calls_of(scenario), &[()]) {
            in_paused_time(async {
                let mut moving = struck(scenario, call, Fault::Webhook, MINUTE_MS).await;
                arrives(&mut moving, Course::Begin, &format!("{}, call {call}", scenario.name)).await;
            });
            count += 1;
        }
    }
    say(&format!("webhooks that are down for a minute: {count} tries judged"));
}

#[test]
fn changes_that_nobody_can_judge_for_long_are_not_waited_for_without_end() {
    let share = Share::of_this_run();
    let mut count = 0;
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        let ways = [(5 * MINUTE_MS, Then::Resume), (5 * MINUTE_MS, Then::Undo), (60 * MINUTE_MS, Then::Resume)];
        for (call, (down_ms, then)) in share.of_each(&calls_of(scenario), &ways) {
            let what = format!("{}, call {call}, for {down_ms} ms, {then:?}", scenario.name);
            in_paused_time(async {
                let mut moving = struck(scenario, call, Fault::Webhook, down_ms).await;
                let began = Instant::now();
                let went = moving.once(Course::Begin).await;
                assert!(began.elapsed() < Duration::from_secs(15 * 60), "{what}: it took {:?}", began.elapsed());
                assert!(!matches!(went, Went::Ended(Ending::Completed)), "{what}: it went on without leave");
                tokio::time::sleep(Duration::from_millis(down_ms)).await;
                moving.first = Course::Resume;
                let side = moving.come_to_rest(then).await.unwrap_or_else(|why| panic!("{what}: {why}"));
                moving.ends_well(side, &what).await;
            });
            count += 1;
        }
    }
    say(&format!("webhooks that are down for long: {count} tries judged"));
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
        let went = moving.once(Course::Begin).await;
        (went, Instant::now())
    };
    let ((went, ended), interrupted) = tokio::join!(once, in_the_outage);
    (went, ended - interrupted)
}

#[test]
fn an_interrupt_in_an_outage_ends_the_run_soon() {
    let share = Share::of_this_run();
    let mut count = 0;
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        for (call, ()) in share.of_each(&calls_of(scenario), &[()]) {
            let what = format!("{}, call {call}", scenario.name);
            in_paused_time(async {
                let mut moving = struck(scenario, call, Fault::Outage, GONE_MS).await;
                let (went, took) = interrupted(&mut moving).await;
                assert!(matches!(went, Went::Ended(Ending::Halted(Trouble::Interrupted))), "{what}: {went:?}");
                assert!(took < Duration::from_secs(40), "{what}: it took {took:?}");
                tokio::time::sleep(Duration::from_millis(GONE_MS)).await;
                arrives(&mut moving, Course::Resume, &what).await;
            });
            count += 1;
        }
    }
    say(&format!("interrupts in outages: {count} tries judged"));
}
