//! Plan files: any text, or a sound plan with a part of its text or one of its values exchanged.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../../../it/seen.rs"]
#[expect(dead_code, reason = "tests need more of it")]
mod seen;
#[path = "../../../it/taking.rs"]
#[expect(dead_code, reason = "journals have a target of their own")]
mod taking;

static SOUND: LazyLock<Vec<Vec<u8>>> = LazyLock::new(taking::plan_texts);

fuzz_target!(|bytes: &[u8]| {
    let text = match bytes {
        [which, part @ ..] if *which > 0 && part.len() >= 4 => exchanged(usize::from(*which), part),
        [_, text @ ..] => text.to_vec(),
        [] => return,
    };
    taking::take_plan(&String::from_utf8_lossy(&text));
});

/// A sound plan with the rest of these bytes in the place that the first four say.
fn exchanged(which: usize, bytes: &[u8]) -> Vec<u8> {
    let number = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let (sound, instead) = (&SOUND[which % SOUND.len()], &bytes[4..]);
    if !sound.starts_with(b"{") || which / SOUND.len() % 2 == 0 {
        return taking::spliced(sound, number(0), number(2) % 256, instead);
    }
    let value = serde_json::from_slice(instead).unwrap_or_else(|_| {
        let odd = taking::odd_values();
        odd[number(2) % odd.len()].clone()
    });
    taking::with_leaf(sound, number(0), value)
}
