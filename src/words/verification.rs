//! What comparing two claims came to.

use std::io::IsTerminal;

use serde_json::{Value, json};

use super::escaped::{Printed, Words, words};
use crate::operate::verify::{Proven, Verified};

/// What comparing two claims came to.
pub fn verified_text(verified: &Verified) -> Words {
    let [one, other] = &verified.claims;
    let verdict = if verified.is_same() { "hold the same" } else { "differ" };
    let mut text = words!("pvc/{} and pvc/{} {}\n", one.claim, other.claim, verdict);
    for proven in [one, other] {
        let (claim, volume) = (&proven.claim, &proven.volume);
        text += words!("  {} pvc/{} on {}: {} entries, {} bytes\n", proven.root, claim, volume, proven.entries, proven.bytes);
    }
    if !verified.differences.is_empty() {
        text += words!("First differences:\n");
    }
    for path in &verified.differences {
        text += words!("  {}\n", if path.is_empty() { "the root directory itself" } else { path });
    }
    if verified.differences_left_out > 0 {
        text += words!("  and {} more, for whose names there was no room\n", verified.differences_left_out);
    }
    text
}

/// As [`verified_text`], for machines.
pub fn verified_json(verified: &Verified) -> Words {
    let claim = |proven: &Proven| json!({ "claim": proven.claim, "volume": proven.volume, "root": proven.root, "entries": proven.entries, "bytes": proven.bytes });
    let claims: Vec<Value> = verified.claims.iter().map(claim).collect();
    let text = json!({ "version": 1, "isSame": verified.is_same(), "claims": claims,
        "differences": verified.differences, "differencesLeftOut": verified.differences_left_out });
    let text = serde_json::to_string_pretty(&text).expect("it has only string keys");
    text.as_result(std::io::stdout().is_terminal())
}
