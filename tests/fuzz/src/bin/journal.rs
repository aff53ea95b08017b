//! Journals: any text as a piece, or a sound journal in two pieces with a part of one exchanged. What is read of the latter is what
//! was written, or nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

#[path = "../../../it/seen.rs"]
#[expect(dead_code, reason = "plans have a target of their own")]
mod seen;
#[path = "../../../it/taking.rs"]
#[expect(dead_code, reason = "plans have a target of their own")]
mod taking;

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
}

/// How many of the bytes pick events.
const PICKS: usize = 24;

fn read(pieces: &[Vec<u8>]) -> Option<Vec<kubectl_stateful::journal::Entry>> {
    RUNTIME.with(|runtime| runtime.block_on(taking::take_journal(pieces)))
}

fuzz_target!(|bytes: &[u8]| {
    match bytes {
        [how, damage @ ..] if *how > 0 && damage.len() >= PICKS + 4 => read_damaged(usize::from(*how), damage),
        [_, text @ ..] => drop(read(&[text.to_vec()])),
        [] => {}
    }
});

/// A journal of the events that the first bytes pick, cut in two somewhere, with the last bytes in the place that those between say.
fn read_damaged(how: usize, bytes: &[u8]) {
    let (picks, damage) = bytes.split_at(PICKS);
    let picks = [&[0], picks].concat();
    let entries = taking::journal(&picks);
    let number = |at: usize| usize::from(u16::from_le_bytes([damage[at], damage[at + 1]]));
    let mut pieces: Vec<Vec<u8>> = match entries.split_at(1 + how / 2 % entries.len()) {
        (all, []) => vec![taking::piece(all)],
        (first, second) => vec![taking::piece(first), taking::piece(second)],
    };
    assert_eq!(read(&pieces).as_ref(), Some(&entries), "a sound journal is believed");
    let damaged = how % pieces.len();
    pieces[damaged] = taking::spliced(&pieces[damaged], number(0), number(2), &damage[4..]);
    let text = String::from_utf8_lossy(&pieces[damaged]);
    assert!(read(&pieces).is_none_or(|read| read == entries), "damage was believed: {text}");
}
