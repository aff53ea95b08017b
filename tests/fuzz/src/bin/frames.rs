//! Frames from the other mover: as they come, or with a head that agrees with their length.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../mover/taking.rs"]
mod taking;

const CONTENT: [u8; 64] = [7; 64];

fuzz_target!(|bytes: &[u8]| {
    let Some((&0, message)) = bytes.split_first() else {
        taking::take(bytes);
        return;
    };
    let lengths = [message.len() as u32, CONTENT.len() as u32];
    let head = lengths.map(u32::to_le_bytes).concat();
    taking::take(&[&head, message, &CONTENT].concat());
});
