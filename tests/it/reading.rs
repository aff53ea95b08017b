//! Plans and journal entries that were changed in ways drawn from seeds: refused or read, never a panic, and what is read can be
//! written again.

use kubectl_stateful::journal::event::VERSION;
use kubectl_stateful::journal::{Entry, Event, Evidence, Outcome, RunState};
use kubectl_stateful::plan::{StepId, file};
use kubectl_stateful::planner;

use crate::dice::Dice;
use crate::seen;

const PLANS: u64 = 1_500;
const ENTRIES: u64 = 40_000;

#[test]
fn a_plan_file_of_any_kind_is_read_without_harm() {
    let plan = |survey| planner::plan(&seen::request(), &survey, "https://cluster").expect("it can be planned");
    let plans = [plan(seen::set(2, &["data"])), plan(seen::deployment())];
    let sound: Vec<Vec<u8>> = plans.iter().flat_map(|plan| [file::to_yaml(plan), file::to_json(plan)]).map(String::into_bytes).collect();
    for seed in 0..PLANS {
        let mut dice = Dice::new(seed);
        let text = &sound[dice.index(sound.len())];
        let text = String::from_utf8_lossy(&dice.worsened(text, &sound)).into_owned();
        if let Ok(plan) = file::read(&text) {
            assert_eq!(file::read(&file::to_yaml(&plan)).expect("its own words"), plan, "seed {seed}");
        }
    }
}

fn entry(state: &RunState, event: Event) -> Entry {
    let (sequence, before) = (state.sequence + 1, state.last_digest.clone());
    Entry { version: VERSION, sequence, at: "2026-01-01T00:00:00Z".to_owned(), before, event }
}

#[test]
fn a_journal_entry_of_any_kind_is_read_without_harm() {
    let step = || StepId("s1".to_owned());
    let events = [
        Event::Opened { executor: "me".to_owned(), back: false },
        Event::Intent { step: step() },
        Event::Settled { step: step(), evidence: Evidence::note("it is there") },
        Event::Halted { step: Some(step()), why: "no space".to_owned() },
        Event::Ended { outcome: Outcome::Completed },
    ];
    let mut states = vec![RunState::default()];
    let mut sound = Vec::new();
    for event in events {
        let state = states.last().expect("there is a first");
        let entry = entry(state, event);
        sound.push(serde_json::to_vec(&entry).expect("JSON"));
        states.extend(state.fold(&entry).ok());
        if states.len() == sound.len() {
            states.push(RunState::default());
        }
    }
    for seed in 0..ENTRIES {
        let mut dice = Dice::new(seed);
        let index = dice.index(sound.len());
        let text = dice.worsened(&sound[index], &sound);
        let Ok(entry) = serde_json::from_slice::<Entry>(&text) else { continue };
        let again = serde_json::to_vec(&entry).expect("JSON");
        assert_eq!(serde_json::from_slice::<Entry>(&again).expect("its own words"), entry, "seed {seed}");
        // Folded or refused; both are fine.
        let _ = states[index].fold(&entry);
    }
}
