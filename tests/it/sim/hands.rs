//! Somebody else meddles, once, at every call that could tell; then the run is resumed, and it is undone. And the process dies while it mends
//! what somebody did to its journal.

use super::damage::appends;
use super::faults::Fault;
use super::foreign::{Deed, Hand};
use super::outcome::Then;
use super::scenario::{self, Scenario};
use super::sweep::{Try, log_of, report};
use super::table::Table;
use super::{Call, Phase};

/// Two scenarios are tried at every call; of the calls of the others each deed takes one in so many, never the same as the next deed.
const ONE_IN: usize = 4;

/// A deed before a call that does not look at what it changes is the same as after it, if nothing moves by itself between the two.
fn could_tell(deed: Deed, call: &Call, next: Option<&Call>) -> bool {
    call.is_write || deed.changes(&call.plural) || next.is_none_or(|next| next.ticks != call.ticks)
}

fn tries_of(scenario: &'static Scenario, one_in: usize, tries: &mut Vec<Try>) {
    let log = log_of(scenario);
    for (first, deed) in Deed::ALL.into_iter().enumerate() {
        let telling = (0..log.len()).filter(|at| could_tell(deed, &log[*at], log.get(at + 1)));
        for at in telling.skip(first % one_in).step_by(one_in) {
            let phase = if scenario.taken_back_from.is_some() { Phase::GoingBack } else { log[at].phase };
            tries.push(Try { scenario, faults: Vec::new(), hand: Some(Hand { deed, call: at as u64 + 1 }), phase });
        }
    }
}

#[test]
fn somebody_else_may_meddle_at_every_call() {
    let mut tries = Vec::new();
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        tries_of(scenario, 1, &mut tries);
    }
    for scenario in &scenario::ALL {
        tries_of(scenario, ONE_IN, &mut tries);
    }
    let judged = report("foreign hands", &tries);
    let mut table = Table::default();
    for deed in Deed::ALL {
        let its = judged.iter().filter(|one| one.then != Some(Then::Undo));
        for one in its.filter(|one| one.what.hand.is_some_and(|hand| hand.deed == deed)) {
            table.add(deed.words(), one.what.phase, one.ended);
        }
    }
    table.is_published("hands", "somebody else");
}

/// Of the calls that append to a journal, one in so many is tried.
const APPENDS_ONE_IN: usize = 4;

/// The process dies at each of so many calls after it.
const MENDING_CALLS: u64 = 10;

#[test]
fn a_process_may_die_while_it_stores_its_journal_again() {
    let mut tries = Vec::new();
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        for call in appends(scenario).into_iter().step_by(APPENDS_ONE_IN) {
            for deed in [Deed::DeletesJournal, Deed::CutsJournal, Deed::ChangesJournal] {
                for dies_at in call + 1..=call + MENDING_CALLS {
                    let faults = [Fault::DiesBefore, Fault::DiesAfter].map(|fault| vec![(dies_at, fault)]);
                    let hand = Some(Hand { deed, call });
                    tries.extend(faults.map(|faults| Try { scenario, faults, hand, phase: Phase::Beginning }));
                }
            }
        }
    }
    drop(report("journals damaged, and the process that mends them killed", &tries));
}
