//! An executor whose machine sleeps in the midst of a run: its clock stands still, while elsewhere somebody takes the run back, or on where it has
//! to be. When it wakes, it must change nothing more, though by its own clock its lease was renewed a moment ago.
//!
//! Two clocks are two runtimes, each with its own paused time.

use std::sync::Arc;
use std::time::Duration;

use kubectl_stateful::engine::Ending;
use kubectl_stateful::journal::Journal;
use kubectl_stateful::operate::Basis;
use kubectl_stateful::operate::undo::{self, BackRoute};
use tokio::sync::watch;
use tokio::time::Instant;

use super::outcome::{Course, Ear, Move, Side, Went, carry_out, word};
use super::parted::Wire;
use super::scenario::{self, Scenario};
use super::share::Share;
use super::sweep::{log_of, say};
use super::{CALL_MS, Call, Phase, Sim, connect, connect_over};

impl Sim {
    /// Goes on by the clock of the runtime that this is called in, from the moment that it had reached.
    fn go_by_this_clock(&mut self) {
        self.lived = Duration::from_millis(self.store.now.saturating_sub(self.calls * CALL_MS));
        self.began = Instant::now();
    }
}

fn clock() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

/// How long it takes until somebody comes to see to the run.
const COMES_AFTER: Duration = Duration::from_secs(20);

fn slept(scenario: &Scenario, call: u64) {
    let what = format!("{}, asleep before call {call}", scenario.name);
    let (sleepers, others) = (clock(), clock());
    let mut moving = sleepers.block_on(Move::new(scenario));
    let (wire, word, plan) = (Arc::new(Wire::sleeping(call)), word(), moving.plan.clone());
    let (cluster, ear) = (sleepers.block_on(async { connect_over(&moving.sim, &wire) }), Ear(Arc::clone(&moving.sim)));
    let (_never, interrupts) = watch::channel(0);
    let mut first = Box::pin(carry_out(&cluster, &plan, Course::Begin, "first".to_owned(), &ear, (interrupts, &word)));
    let early = sleepers.block_on(async {
        tokio::select! { went = &mut first => Some(went), () = wire.is_asleep() => None }
    });
    assert!(early.is_none(), "{what}: it ended before: {early:?}");
    let second = others.block_on(async {
        moving.with(Sim::go_by_this_clock);
        tokio::time::sleep(COMES_AFTER).await;
        let cluster = connect(&moving.sim);
        let journal = Journal::open(&cluster, "app", plan.run()).await.expect("its journal");
        let is_taken_back = undo::route(&plan, journal.state(), Basis::Anchored) == BackRoute::TakeBack;
        let way = if is_taken_back { Course::Undo } else { Course::Resume };
        let (_never, interrupts) = watch::channel(0);
        carry_out(&cluster, &plan, way, "second".to_owned(), &ear, (interrupts, &word)).await
    });
    let side = match second {
        Went::Ended(Ending::Completed) => Side::Target,
        Went::Ended(Ending::Undone(_)) => Side::Source,
        other => panic!("{what}: the second {other:?}"),
    };
    sleepers.block_on(async {
        moving.with(Sim::go_by_this_clock);
        wire.wake();
        let went = first.await;
        assert!(matches!(went, Went::Ended(Ending::Halted(_) | Ending::Stuck { .. })), "{what}: the first {went:?}");
        moving.ends_well(side, &what).await;
    });
}

/// It sleeps between two calls; one that is on its way at that moment is the wire's to lose.
#[test]
fn an_executor_that_slept_leaves_the_run_to_whoever_took_it() {
    let share = Share::of_this_run();
    let mut count = 0;
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        let log = log_of(scenario);
        let counts = |call: &Call| !call.is_write && call.phase > Phase::Reserving;
        let calls: Vec<u64> = (1..).zip(&log[..log.len() - 8]).filter(|(_, call)| counts(call)).map(|(call, _)| call).collect();
        for (call, ()) in share.of_each(&calls, &[()]) {
            slept(scenario, call);
            count += 1;
        }
    }
    say(&format!("executors that slept: {count} tries judged"));
}
