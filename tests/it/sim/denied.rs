//! Changes that are refused, by a policy or a quota that was not there before: each change of a run, for a minute, and for longer than
//! anybody waits. The app must be up in the end wherever a way back exists.

use kubectl_stateful::engine::Ending;

use super::faults::Fault;
use super::http::Asked;
use super::outcome::{Move, Side, Then, Went};
use super::scenario::{self, Scenario};
use super::share::Share;
use super::sweep::{in_paused_time, log_of, say};
use super::{Call, Sim};

/// How long "a while" is, and for how long a lasting denial lasts, in milliseconds on the simulated clock.
const WHILE_MS: u64 = 60_000;
const LONG_MS: u64 = 30 * 60_000;

/// One kind of change that is not let in.
#[derive(Clone, Debug, Default)]
pub(super) struct Denial {
    method: String,
    plural: String,
    until: u64,
    lasts: bool,
}

impl Sim {
    pub(super) fn deny(&mut self, asked: &Asked, fault: Fault) {
        let lasts = fault == Fault::DeniedForLong;
        let until = self.store.now + if lasts { LONG_MS } else { WHILE_MS };
        self.denial = Denial { method: asked.method.to_string(), plural: asked.plural.clone(), until, lasts };
    }

    pub(super) fn is_denied(&self, asked: &Asked) -> bool {
        let Denial { method, plural, until, .. } = &self.denial;
        self.store.now < *until && *method == asked.method.as_str() && *plural == asked.plural
    }

    /// Whether something is denied for longer than anybody waits.
    pub(super) fn denies_lastingly(&self) -> bool {
        self.denial.lasts && self.store.now < self.denial.until
    }
}

async fn struck(scenario: &Scenario, call: u64, fault: Fault, then: Then) -> Option<String> {
    let mut moving = Move::new(scenario).await;
    moving.with(|sim| sim.faults.0 = vec![(call, fault)]);
    let first = moving.once(moving.first).await;
    moving.judge_end(&first);
    let is_up = moving.with(|sim| sim.violations.is_empty());
    // Whoever made the policy lifts it.
    moving.with(|sim| sim.denial = Denial::default());
    let side = match first {
        Went::Ended(Ending::Completed) => Ok(Side::Target),
        Went::Ended(Ending::Undone(_)) => Ok(Side::Source),
        Went::Ended(Ending::Halted(_) | Ending::Stuck { .. }) | Went::Refused(_) | Went::Died if is_up => {
            moving.first = super::outcome::Course::Resume;
            moving.come_to_rest(then).await
        }
        other => Err(format!("{other:?}")),
    };
    if let Ok(side) = side {
        moving.check(side).await;
    }
    let lost = side.as_ref().err().cloned();
    moving.with(|sim| sim.violations.first().cloned().or(lost).map(|what| format!("{what}\n{}", sim.trace())))
}

fn all_are_borne(fault: Fault, ways: &[Then]) {
    let share = Share::of_this_run();
    let mut count = 0;
    let mut complaints = Vec::new();
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT, &scenario::ALL[4], &scenario::ALL[9], &scenario::ALL[12]] {
        // Who may not give a lease back lets it run out.
        let counts = |call: &Call| call.is_write && !call.words.starts_with("DELETE leases/");
        let calls: Vec<u64> = (1..).zip(log_of(scenario)).filter(|(_, call)| counts(call)).map(|(call, _)| call).collect();
        for (call, then) in share.of_each(&calls, ways) {
            let complaint = in_paused_time(struck(scenario, call, fault, then));
            complaints.extend(complaint.map(|what| format!("{}: {} at call {call}, {then:?}: {what}", scenario.name, fault.words())));
            count += 1;
        }
    }
    say(&format!("{}: {count} tries judged, {} violations", fault.words(), complaints.len()));
    complaints.sort_by_key(String::len);
    assert!(complaints.is_empty(), "{}", complaints[..complaints.len().min(6)].join("\n"));
}

#[test]
fn changes_that_are_denied_for_a_while_are_tried_again_while_the_app_is_down() {
    all_are_borne(Fault::DeniedForAWhile, &[Then::Resume]);
}

#[test]
fn changes_that_are_denied_for_long_leave_the_app_up_wherever_there_is_a_way() {
    all_are_borne(Fault::DeniedForLong, &[Then::Resume, Then::Undo]);
}
