//! Two executors of one run: the first is cut off from the server, its lease runs out, a second one takes the run back (or on, where it has
//! to), and then the first is heard again. It must change nothing more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kubectl_stateful::engine::Ending;
use tokio::sync::{Notify, watch};

use super::outage::calls_of;
use super::outcome::{Course, Ear, Move, Side, Then, Went, carry_out, word};
use super::scenario::{self, Scenario};
use super::share::Share;
use super::sweep::{in_paused_time, say};
use super::{Sim, connect_over};

/// The wire of one client, cut from the call of a number on; 0: never.
#[derive(Debug, Default)]
pub(super) struct Wire {
    cut_from: AtomicU64,
    /// Before this call the machine falls asleep; 0: never, or it has woken.
    sleeps_before: AtomicU64,
    asleep: Notify,
    woken: Notify,
}

impl Wire {
    /// Whether a call gets through that is about to be made.
    pub(super) fn carries(&self, sim: &Mutex<Sim>) -> bool {
        let cut_from = self.cut_from.load(Ordering::SeqCst);
        cut_from == 0 || sim.lock().expect("no panic").calls + 1 < cut_from
    }

    /// That of a machine that falls asleep before a call.
    pub(super) fn sleeping(call: u64) -> Self {
        Self { sleeps_before: AtomicU64::new(call), ..Self::default() }
    }

    /// Returns once the machine is awake.
    pub(super) async fn is_awake(&self, sim: &Mutex<Sim>) {
        let at = self.sleeps_before.load(Ordering::SeqCst);
        if at != 0 && sim.lock().expect("no panic").calls + 1 >= at {
            self.asleep.notify_one();
            self.woken.notified().await;
        }
    }

    pub(super) async fn is_asleep(&self) {
        self.asleep.notified().await;
    }

    pub(super) fn wake(&self) {
        self.sleeps_before.store(0, Ordering::SeqCst);
        self.woken.notify_waiters();
    }

    fn mend(&self) {
        self.cut_from.store(0, Ordering::SeqCst);
    }
}

/// How long it takes until somebody comes to see to the run.
const COMES_AFTER: Duration = Duration::from_secs(20);

/// The first is heard again so long after the second has ended: which of its calls comes first is different each time.
const HEARD_AFTER_MS: [u64; 12] = [0, 700, 1400, 2100, 2800, 3500, 4200, 5000, 6100, 7300, 8400, 9700];

/// The first executor loses the server at a call, and gets it back once the second has ended.
async fn taken_over(scenario: &Scenario, call: u64, heard_after_ms: u64) {
    let word = word();
    let what = format!("{}, cut off at call {call}, heard again after {heard_after_ms} ms", scenario.name);
    let mut moving = Move::new(scenario).await;
    let wire = Arc::new(Wire { cut_from: AtomicU64::new(call), ..Wire::default() });
    let ear = Ear(Arc::clone(&moving.sim));
    let first = connect_over(&moving.sim, &wire);
    let (_never, interrupts) = watch::channel(0);
    let first = carry_out(&first, &moving.plan, Course::Begin, "first".to_owned(), &ear, (interrupts, &word));
    let second = async {
        while moving.with(|sim| sim.calls + 1 < call) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(COMES_AFTER).await;
        let way = moving.next(Then::Undo).await;
        let (_never, interrupts) = watch::channel(0);
        let went = carry_out(&super::connect(&moving.sim), &moving.plan, way, "second".to_owned(), &ear, (interrupts, &word)).await;
        tokio::time::sleep(Duration::from_millis(heard_after_ms)).await;
        wire.mend();
        went
    };
    let (first, second) = tokio::join!(first, second);
    assert!(matches!(first, Went::Ended(Ending::Halted(_) | Ending::Stuck { .. })), "{what}: the first {first:?}");
    let side = match second {
        Went::Ended(Ending::Completed) => Side::Target,
        Went::Ended(Ending::Undone(_)) => Side::Source,
        other => panic!("{what}: the second {other:?}"),
    };
    moving.ends_well(side, &what).await;
}

#[test]
fn an_executor_that_was_cut_off_leaves_the_run_to_whoever_took_it() {
    let share = Share::of_this_run();
    let mut count = 0;
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        for (call, heard_after_ms) in share.of_each(&calls_of(scenario), &HEARD_AFTER_MS) {
            in_paused_time(taken_over(scenario, call, heard_after_ms));
            count += 1;
        }
    }
    say(&format!("executors cut off: {count} tries judged"));
}
