//! A journal that was damaged while nobody executed the run: whatever is cut off or changed, at whatever moment, it is not believed,
//! nothing is changed by its word, and what the app wrote is kept.
//!
//! Damage under a running executor is among the foreign hands: that one mends it.

use super::Sim;
use super::faults::Fault;
use super::foreign::Damage;
use super::outcome::{Course, Move, Then, Went};
use super::scenario::{self, Scenario};
use super::share::Share;
use super::sweep::{in_paused_time, log_of, say};

/// Which entry of a journal is damaged.
const ENTRIES: [usize; 3] = [0, 1, usize::MAX];

/// The process dies once the call was carried out; the journal is damaged; somebody goes on, or back. Says what was wrong, or nothing if
/// there was nothing to damage.
fn damaged(scenario: &'static Scenario, call: u64, damage: impl Fn(&mut Sim) -> bool, then: Then) -> Option<Result<(), String>> {
    in_paused_time(async {
        let mut moving = Move::new(scenario).await;
        moving.with(|sim| sim.faults.0 = vec![(call, Fault::DiesAfter)]);
        assert!(matches!(moving.once(moving.first).await, Went::Died));
        tokio::time::sleep(std::time::Duration::from_secs(20)).await;
        let before = moving.with(|sim| {
            sim.faults.0.clear();
            sim.revive();
            sim.settle();
            damage(sim).then_some(sim.log.len())
        })?;
        let went = moving.once(if then == Then::Undo { Course::Undo } else { Course::Resume }).await;
        Some(moving.with(|sim| {
            let changes = |call: &&super::Call| call.is_write && !call.words.contains(" leases/");
            let changed = sim.log[before..].iter().find(changes).map(|call| format!("it goes on to {}", call.words));
            let believed = match went {
                Went::Refused(why) if why.contains("cannot be believed") => None,
                other => Some(format!("it ends with {other:?}")),
            };
            changed.or(believed).or(sim.violations.first().cloned()).map_or(Ok(()), Err)
        }))
    })
}

/// The calls that append to the journal of a run; the first one makes it: not that.
pub(super) fn appends(scenario: &Scenario) -> Vec<u64> {
    let appends = (1..).zip(log_of(scenario)).filter(|(_, call)| call.words.starts_with("PATCH") && call.words.contains("-journal-"));
    appends.map(|(number, _)| number).collect()
}

/// Without the one that ends the run, which leaves nothing to go on with.
fn appends_before_end(scenario: &Scenario) -> Vec<u64> {
    let mut appends = appends(scenario);
    appends.pop();
    appends
}

#[test]
fn a_damaged_journal_is_not_believed() {
    let share = Share::of_this_run();
    let mut count = 0;
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        let appends = appends_before_end(scenario);
        assert!(appends.len() > 20, "{}: {appends:?}", scenario.name);
        for (call, (how, entry, then)) in share.of_each(&appends, &every_way(&ENTRIES)) {
            let judged = damaged(scenario, call, |sim| sim.damages_journal(how, entry), then);
            assert_eq!(judged, Some(Ok(())), "{}: call {call}, {how:?} at {entry}, {then:?}", scenario.name);
            count += 1;
        }
    }
    say(&format!("damaged journals: {count} tries judged"));
}

#[test]
fn a_journal_whose_last_piece_is_gone_is_not_believed() {
    let scenario = &scenario::ALL[0];
    let share = Share::of_this_run();
    let mut count = 0;
    for (call, then) in share.of_each(&appends_before_end(scenario), &[Then::Resume, Then::Undo]) {
        let Some(judged) = damaged(scenario, call, Sim::deletes_last_piece, then) else { continue };
        assert_eq!(judged, Ok(()), "call {call}, {then:?}");
        count += 1;
    }
    assert!(count > share.part_of(20), "{count}");
    say(&format!("journals without their last piece: {count} tries judged"));
}

fn every_way(entries: &[usize]) -> Vec<(Damage, usize, Then)> {
    let ways = [(Damage::Cut, Then::Resume), (Damage::Cut, Then::Undo), (Damage::Changed, Then::Resume), (Damage::Changed, Then::Undo)];
    entries.iter().flat_map(|entry| ways.map(|(how, then)| (how, *entry, then))).collect()
}
