//! Somebody else meddles, once, at every call that could tell; then the run is resumed, and it is undone. And the process dies while it mends
//! what somebody did to its journal.

use super::damage::appends;
use super::faults::Fault;
use super::foreign::{Deed, Hand};
use super::outcome::Then;
use super::scenario::{self, Scenario};
use super::share::Share;
use super::sweep::{Try, log_of, report};
use super::table::Table;
use super::{Call, Phase};

/// Two scenarios are tried at every call; of the calls of the others each deed takes one in so many, never the same as the next deed.
const ONE_IN: usize = 4;

/// A deed before a call that does not look at what it changes is the same as after it, if nothing moves by itself between the two.
fn could_tell(deed: Deed, call: &Call, next: Option<&Call>) -> bool {
    call.is_write || deed.changes(&call.plural) || next.is_none_or(|next| next.ticks != call.ticks)
}

/// Each deed at the calls that could tell, as far as the share goes: it is dealt as in `Share::of_each`.
fn tries_of(scenario: &'static Scenario, log: &[Call], one_in: usize, share: &Share) -> Vec<Try> {
    let mut tries = Vec::new();
    for (first, deed) in Deed::ALL.into_iter().enumerate() {
        let telling = (0..log.len()).filter(|at| could_tell(deed, &log[*at], log.get(at + 1)));
        let tried = telling.skip(first % one_in).step_by(one_in).enumerate().filter(|(row, _)| share.takes(first + row));
        for (_, at) in tried {
            let phase = if scenario.taken_back_from.is_some() { Phase::GoingBack } else { log[at].phase };
            tries.push(Try { scenario, faults: Vec::new(), hand: Some(Hand { deed, call: at as u64 + 1 }), phase });
        }
    }
    tries
}

/// The scenarios, with how many of their calls one is tried of.
fn tried() -> impl Iterator<Item = (&'static Scenario, usize)> {
    let closely = [&scenario::SMALL_SET, &scenario::DEPLOYMENT].map(|scenario| (scenario, 1));
    closely.into_iter().chain(scenario::ALL.iter().map(|scenario| (scenario, ONE_IN)))
}

#[test]
fn somebody_else_may_meddle_at_every_call() {
    let share = Share::of_this_run();
    let tries: Vec<Try> = tried().flat_map(|(scenario, one_in)| tries_of(scenario, &log_of(scenario), one_in, &share)).collect();
    let judged = report("foreign hands", &tries);
    let mut table = Table::default();
    for deed in Deed::ALL {
        let its = judged.iter().filter(|one| one.then != Some(Then::Undo));
        for one in its.filter(|one| one.what.hand.is_some_and(|hand| hand.deed == deed)) {
            table.add(deed.words(), one.what.phase, one.ended);
        }
    }
    table.is_published("hands", "somebody else", &share);
}

#[test]
fn every_share_has_every_deed_and_every_scenario() {
    let logs: Vec<_> = tried().map(|(scenario, one_in)| (scenario, log_of(scenario), one_in)).collect();
    for share in Share::all() {
        let mut deeds = Vec::new();
        for (scenario, log, one_in) in &logs {
            let tries = tries_of(scenario, log, *one_in, &share);
            assert!(!tries.is_empty(), "{}: {share:?}", scenario.name);
            deeds.extend(tries.iter().filter_map(|one| one.hand).map(|hand| hand.deed));
        }
        assert!(Deed::ALL.iter().all(|deed| deeds.contains(deed)), "{share:?}: {deeds:?}");
    }
}

/// Of the calls that append to a journal, one in so many is tried.
const APPENDS_ONE_IN: usize = 4;

/// The process dies at each of so many calls after it.
const MENDING_CALLS: u64 = 10;

#[test]
fn a_process_may_die_while_it_stores_its_journal_again() {
    let share = Share::of_this_run();
    let deaths: Vec<(u64, Fault)> = (1..=MENDING_CALLS).flat_map(|after| [(after, Fault::DiesBefore), (after, Fault::DiesAfter)]).collect();
    let mut tries = Vec::new();
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        let of_call = |call| [Deed::DeletesJournal, Deed::CutsJournal, Deed::ChangesJournal].map(|deed| Hand { deed, call });
        let hands: Vec<Hand> = appends(scenario).into_iter().step_by(APPENDS_ONE_IN).flat_map(of_call).collect();
        for (hand, (after, fault)) in share.of_each(&hands, &deaths) {
            tries.push(Try { scenario, faults: vec![(hand.call + after, fault)], hand: Some(hand), phase: Phase::Beginning });
        }
    }
    drop(report("journals damaged, and the process that mends them killed", &tries));
}
