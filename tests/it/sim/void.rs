//! Credentials that the server does not accept: for a while, as when it cannot ask who checks them, or until a process comes that has others.
//!
//! The first is to be waited for; by the second a run is to stand still where it is, and say so.

use kubectl_stateful::engine::{Ending, Trouble};

use super::Sim;
use super::faults::Fault;
use super::outcome::{Move, Side, Then, Went};
use super::scenario::{self, Scenario};
use super::share::Share;
use super::sweep::{in_paused_time, log_of, say};

/// How long "a while" is, in milliseconds.
const WHILE_MS: u64 = 30_000;

/// Until when, on the simulated clock, credentials are void.
#[derive(Clone, Debug, Default)]
pub(super) enum Void {
    #[default]
    Never,
    Until(u64),
    /// For as long as the process lives that has them.
    ForEver,
}

impl Void {
    /// A new process comes with new credentials. For a server that cannot check any these are no better.
    pub(super) fn renew(&mut self) {
        if matches!(self, Void::ForEver) {
            *self = Void::Never;
        }
    }
}

impl Sim {
    pub(super) fn make_void(&mut self, fault: Fault) {
        self.was_void = true;
        self.void = if fault == Fault::VoidForEver { Void::ForEver } else { Void::Until(self.store.now + WHILE_MS) };
    }

    pub(super) fn is_void(&self) -> bool {
        match self.void {
            Void::Never => false,
            Void::Until(end) => self.store.now < end,
            Void::ForEver => true,
        }
    }

    /// Judges how a process ended whose credentials were void.
    pub(super) fn judge_void(&mut self, went: &Went) {
        let struck = |fault: Fault| self.faults.0.iter().any(|(call, struck)| *struck == fault && *call <= self.calls);
        let trouble = match went {
            Went::Ended(Ending::Halted(trouble) | Ending::Stuck { trouble, .. } | Ending::Undone(Some(trouble))) => trouble,
            Went::Ended(Ending::Completed | Ending::Undone(None)) | Went::Refused(_) | Went::Died => return,
        };
        let halts = matches!((went, trouble), (Went::Ended(Ending::Halted(_) | Ending::Stuck { .. }), Trouble::Silence(_)));
        if struck(Fault::VoidForAWhile) {
            self.violate(format!("credentials that are void for a while end the run: {went:?}"));
        } else if struck(Fault::VoidForEver) && !halts {
            self.violate(format!("with void credentials the run does not stand still: {went:?}"));
        }
    }
}

/// The credentials become void at a call; then somebody comes with good ones, and goes on or back.
fn struck(scenario: &'static Scenario, call: u64, fault: Fault, then: Then) -> Option<String> {
    in_paused_time(async {
        let mut moving = Move::new(scenario).await;
        moving.with(|sim| sim.faults.0 = vec![(call, fault)]);
        let side = moving.come_to_rest(then).await;
        if let Ok(side) = side {
            moving.check(side).await;
        }
        let lost = (then == Then::Resume && side != Ok(Side::Target)).then(|| format!("it ends with {side:?}"));
        moving.with(|sim| sim.violations.first().cloned().or(lost).map(|what| format!("{what}\n{}", sim.trace())))
    })
}

#[test]
fn void_credentials_are_waited_for_or_halt_the_run_where_it_is() {
    let ways = [(Fault::VoidForAWhile, Then::Resume), (Fault::VoidForEver, Then::Resume), (Fault::VoidForEver, Then::Undo)];
    let share = Share::of_this_run();
    let mut count = 0;
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        let calls: Vec<u64> = (1..).zip(log_of(scenario)).filter(|(_, call)| call.is_write).map(|(call, _)| call).collect();
        for (call, (fault, then)) in share.of_each(&calls, &ways) {
            let complaint = struck(scenario, call, fault, then);
            assert_eq!(complaint, None, "{}: {fault:?} at call {call}, {then:?}", scenario.name);
            count += 1;
        }
    }
    say(&format!("void credentials: {count} tries judged"));
}
