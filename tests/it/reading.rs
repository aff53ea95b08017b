//! Plans and journals that were changed in ways drawn from seeds: refused or read, never a panic, and what is read can be
//! written again. `tests/fuzz` looks for others as long as one likes.

use kubectl_stateful::journal::{Entry, RunState};

use crate::dice::Dice;
use crate::taking::{count_leaves, emptied, followed, journal, odd_values, piece, plan_texts, spliced, take_journal, take_plan, with_leaf};

const PLANS: u64 = 1_500;
const ENTRIES: u64 = 40_000;
const JOURNALS: u64 = 5_000;

#[test]
fn a_plan_file_of_any_kind_is_read_without_harm() {
    let sound = plan_texts();
    assert!(sound.iter().all(|text| take_plan(&String::from_utf8_lossy(text))), "sound plans are taken");
    for seed in 0..PLANS {
        let mut dice = Dice::new(seed);
        let text = &sound[dice.index(sound.len())];
        let text = String::from_utf8_lossy(&dice.worsened(text, &sound)).into_owned();
        let outcome = std::panic::catch_unwind(|| take_plan(&text));
        outcome.unwrap_or_else(|_| panic!("the plan of seed {seed} did harm: {text}"));
    }
}

/// A plan is text that people edit: a number may be larger than whoever wrote it thought of.
#[test]
fn a_plan_file_with_an_odd_value_anywhere_is_read_without_harm() {
    let sound = plan_texts();
    for text in sound.iter().filter(|text| text.starts_with(b"{")) {
        for leaf in 0..count_leaves(text) {
            for value in odd_values() {
                let text = String::from_utf8(with_leaf(text, leaf, value)).expect("JSON");
                let outcome = std::panic::catch_unwind(|| take_plan(&text));
                outcome.unwrap_or_else(|_| panic!("this plan did harm: {text}"));
            }
        }
    }
}

/// Which of two values is meant nobody can tell; nor in the manifests that a plan carries, whose fields are not ours.
#[test]
fn a_plan_file_that_gives_a_key_twice_is_refused() {
    for text in plan_texts().into_iter().filter(|text| text.starts_with(b"{")) {
        let text = String::from_utf8(text).expect("JSON");
        let twice = text.replacen("\"spec\": {", "\"spec\": {}, \"spec\": {", 1);
        assert_ne!(twice, text, "it carries a manifest");
        assert!(!take_plan(&twice), "{twice}");
    }
}

/// Opened, a step done and one found, and the end.
const PICKS: [u8; 5] = [0, 2, 4, 12 + 5, 11];

#[test]
fn a_journal_entry_of_any_kind_is_read_without_harm() {
    let entries = journal(&PICKS);
    assert_eq!(entries.len(), PICKS.len(), "all can follow");
    let mut states = vec![RunState::default()];
    for entry in &entries {
        states.push(states[states.len() - 1].fold(entry).expect("legal"));
    }
    let sound: Vec<Vec<u8>> = entries.iter().map(|entry| serde_json::to_vec(entry).expect("JSON")).collect();
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

#[tokio::test]
async fn a_damaged_journal_is_refused_or_read_as_it_was() {
    let entries = journal(&PICKS);
    let sound = [followed(&entries[..2]), piece(&entries[2..])];
    assert_eq!(take_journal(&sound).await, Some(entries.clone()), "a sound journal is believed");
    let mut refused = 0;
    for seed in 0..JOURNALS {
        let mut dice = Dice::new(seed);
        let mut pieces = sound.to_vec();
        let index = dice.index(pieces.len());
        pieces[index] = dice.worsened(&sound[index], &sound);
        match take_journal(&pieces).await {
            Some(read) => assert_eq!(read, entries, "seed {seed}: {}", String::from_utf8_lossy(&pieces[index])),
            None => refused += 1,
        }
    }
    assert!(refused > JOURNALS / 2, "hardly any damage was seen: {refused}");
}

#[tokio::test]
async fn a_journal_with_any_part_cut_out_is_refused_or_read_as_it_was() {
    let entries = journal(&PICKS);
    let sound = piece(&entries);
    for at in (0..sound.len()).step_by(5) {
        for gone in [1, 40, sound.len()] {
            let cut = spliced(&sound, at, gone, b"");
            let read = take_journal(std::slice::from_ref(&cut)).await;
            assert!(read.is_none_or(|read| read == entries), "{}", String::from_utf8_lossy(&cut));
        }
    }
}

/// The first piece is made with its first entry, a later one names an entry before it: one that is like neither has lost its own.
#[tokio::test]
async fn a_journal_whose_entries_were_taken_out_is_not_believed() {
    let entries = journal(&PICKS);
    let (first, later) = entries.split_at(2);
    assert_eq!(take_journal(&[emptied(None)]).await, None);
    assert_eq!(take_journal(&[emptied(first.last())]).await, None);
    assert_eq!(take_journal(&[followed(first), emptied(None)]).await, None);
    assert_eq!(take_journal(&[followed(first), emptied(later.last())]).await, None);
    assert_eq!(take_journal(&[followed(first), emptied(first.last())]).await.as_deref(), Some(first), "made before what comes into it");
    assert_eq!(take_journal(&[piece(first), emptied(None)]).await, None);
    let of_lost_append = [piece(first), emptied(first.last())];
    assert_eq!(take_journal(&of_lost_append).await.as_deref(), Some(first), "made for an append that was never carried out");
}

#[tokio::test]
async fn a_journal_whose_last_piece_is_missing_is_not_believed() {
    let entries = journal(&PICKS);
    let (first, later) = entries.split_at(2);
    assert_eq!(take_journal(&[followed(first), piece(later)]).await, Some(entries.clone()));
    assert_eq!(take_journal(&[followed(first)]).await, None);
}
