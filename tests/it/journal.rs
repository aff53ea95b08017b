//! The fold of a run's events: whatever is cut, doubled, changed or out of order is rejected; what is legal is kept.

use kubectl_stateful::journal::event::VERSION;
use kubectl_stateful::journal::{Entry, Event, Evidence, Outcome, RunState, Stand};
use kubectl_stateful::plan::StepId;
use proptest::prelude::*;

fn step(name: u8) -> StepId {
    StepId(format!("s{name}"))
}

fn entry(state: &RunState, event: Event) -> Entry {
    let (sequence, before) = (state.sequence + 1, state.last_digest.clone());
    Entry { version: VERSION, sequence, at: "2026-01-01T00:00:00Z".to_owned(), before, event }
}

/// Folds events until one is rejected.
fn fold(events: &[Event]) -> Result<RunState, String> {
    let mut state = RunState::default();
    for event in events {
        state = state.fold(&entry(&state, event.clone())).map_err(|illegal| illegal.to_string())?;
    }
    Ok(state)
}

fn opened(back: bool) -> Event {
    Event::Opened { executor: "me".to_owned(), back, plan: String::new() }
}

fn intent(name: u8) -> Event {
    Event::Intent { step: step(name) }
}

fn settled(name: u8) -> Event {
    Event::Settled { step: step(name), evidence: Evidence::default() }
}

fn found(name: u8) -> Event {
    Event::Found { step: step(name), evidence: Evidence::default() }
}

fn renewed(name: u8) -> Event {
    Event::Renewed { step: step(name) }
}

fn barred(name: u8) -> Event {
    Event::Barred { step: step(name), why: "the app runs there".to_owned() }
}

fn undone(name: u8) -> Event {
    Event::Undone { step: step(name) }
}

fn ended(outcome: Outcome) -> Event {
    Event::Ended { outcome }
}

#[test]
fn what_was_done_may_be_done_again_and_is_counted() {
    let state = fold(&[opened(false), intent(1), settled(1), renewed(1)]).expect("legal");
    assert_eq!((state.stand(&step(1)), state.renewals(&step(1)), state.renewals(&step(2))), (&Stand::Intended, 1, 0));
    assert!(fold(&[opened(false), renewed(1)]).is_err());
    assert!(fold(&[opened(false), intent(1), renewed(1)]).is_err());
    assert!(fold(&[opened(false), intent(1), settled(1), opened(true), renewed(1)]).is_err());
}

#[test]
fn a_whole_run_folds_to_its_outcome() {
    let state = fold(&[opened(false), intent(1), settled(1), found(2), ended(Outcome::Completed)]).expect("legal");
    assert_eq!(state.outcome, Some(Outcome::Completed));
    let halted = Event::Halted { step: None, why: "x".to_owned() };
    let back = fold(&[opened(false), intent(1), halted, opened(true), undone(1), ended(Outcome::Undone)]).expect("legal");
    assert_eq!((back.outcome, back.halted.clone()), (Some(Outcome::Undone), None));
    assert_eq!(*back.stand(&step(1)), Stand::Undone);
}

#[test]
fn what_cannot_follow_is_rejected() {
    let illegal: [&[Event]; 13] = [
        &[opened(false), intent(1), barred(1), opened(false), opened(true)],
        &[opened(false), intent(1), opened(true), barred(1)],
        &[intent(1)],
        &[opened(false), settled(1)],
        &[opened(false), intent(1), intent(1)],
        &[opened(false), found(1), settled(1)],
        &[opened(false), intent(1), found(1)],
        &[opened(false), undone(1)],
        &[opened(false), intent(1), opened(true), settled(1)],
        &[opened(true), opened(false)],
        &[opened(false), found(1), opened(true), undone(1)],
        &[opened(false), intent(1), ended(Outcome::Completed)],
        &[opened(false), ended(Outcome::Completed), intent(1)],
    ];
    for events in illegal {
        assert!(fold(events).is_err(), "{events:?}");
        assert!(fold(&events[..events.len() - 1]).is_ok(), "only the last is at fault: {events:?}");
    }
}

/// A long legal journal.
fn journal() -> Vec<Entry> {
    let mut events = vec![opened(false)];
    for name in 0..20 {
        events.extend([intent(name), settled(name)]);
    }
    events.push(ended(Outcome::Completed));
    let mut state = RunState::default();
    let mut entries = Vec::new();
    for event in events {
        let entry = entry(&state, event);
        state = state.fold(&entry).expect("legal");
        entries.push(entry);
    }
    entries
}

fn replay(entries: &[Entry]) -> Result<RunState, String> {
    entries.iter().try_fold(RunState::default(), |state, entry| state.fold(entry).map_err(|illegal| illegal.to_string()))
}

proptest! {
    #[test]
    fn a_journal_that_lost_an_entry_is_rejected(at in 0usize..41) {
        let mut entries = journal();
        entries.remove(at);
        prop_assert!(replay(&entries).is_err());
    }

    #[test]
    fn a_journal_with_a_changed_entry_is_rejected(at in 0usize..41, year in 0u32..2025) {
        let mut entries = journal();
        entries[at].at = format!("{year:04}-01-01T00:00:00Z");
        prop_assert!(replay(&entries).is_err());
    }

    #[test]
    fn a_journal_with_two_entries_exchanged_is_rejected(one in 0usize..42, other in 0usize..42) {
        prop_assume!(one != other);
        let mut entries = journal();
        entries.swap(one, other);
        prop_assert!(replay(&entries).is_err());
    }

    #[test]
    fn a_journal_that_was_only_cut_at_its_end_is_a_legal_earlier_state(length in 0usize..42) {
        let entries = journal();
        let state = replay(&entries[..length]).map_err(TestCaseError::fail)?;
        prop_assert_eq!(state.sequence, length as u64);
    }

    /// Whatever is tried in whatever order, a step is settled only after its intent, and nothing follows an end.
    #[test]
    fn no_sequence_of_events_settles_a_step_without_its_intent(picks in proptest::collection::vec((0u8..10, 0u8..3), 0..60)) {
        let mut state = RunState::default();
        let mut intended = std::collections::BTreeSet::new();
        for (kind, name) in picks {
            let event = match kind {
                0 => opened(false),
                1 => opened(true),
                2 => intent(name),
                3 => settled(name),
                4 => found(name),
                5 => Event::UndoIntent { step: step(name) },
                6 => undone(name),
                7 => renewed(name),
                8 => barred(name),
                _ => ended(Outcome::Completed),
            };
            let ended_before = state.outcome.is_some();
            let barred_before = state.barred.is_some();
            if let Ok(next) = state.fold(&entry(&state, event.clone())) {
                prop_assert!(!ended_before);
                prop_assert!(!(barred_before && next.back), "a run that is barred from going back goes back");
                match &event {
                    Event::Intent { step } | Event::Renewed { step } => { intended.insert(step.clone()); }
                    Event::Settled { step, .. } => prop_assert!(intended.contains(step)),
                    // What somebody else did may have to be taken back all the same.
                    Event::UndoIntent { step } => { intended.insert(step.clone()); }
                    Event::Undone { step } => prop_assert!(intended.contains(step)),
                    _ => {}
                }
                state = next;
            }
        }
    }

    #[test]
    fn an_entry_of_a_newer_version_is_rejected(version in (VERSION + 1)..100) {
        let state = RunState::default();
        let mut first = entry(&state, opened(false));
        first.version = version;
        prop_assert!(state.fold(&first).is_err());
    }
}
