//! What comparing two claims came to.

use std::io::IsTerminal;

use serde_json::{Value, json};

use super::escaped::{Printable, Words, words};
use crate::operate::verify::{ClaimProof, Findings};

/// What comparing two claims came to.
pub fn findings_text(findings: &Findings) -> Words {
    let [one, other] = &findings.claims;
    let verdict = if findings.is_same() { "hold the same" } else { "differ" };
    let mut text = words!("pvc/{} and pvc/{} {}\n", one.claim, other.claim, verdict);
    for proof in [one, other] {
        let (claim, volume) = (&proof.claim, &proof.volume);
        text += words!("  {} pvc/{} on {}: {} entries, {} bytes\n", proof.root, claim, volume, proof.entries, proof.bytes);
    }
    if !findings.differences.is_empty() {
        text += words!("First differences:\n");
    }
    for path in &findings.differences {
        text += words!("  {}\n", if path.is_empty() { "the root directory itself" } else { path });
    }
    if findings.differences_left_out > 0 {
        text += words!("  and {} more, for whose names there was no room\n", findings.differences_left_out);
    }
    text
}

/// As [`findings_text`], for machines.
pub fn findings_json(findings: &Findings) -> Words {
    let claim = |proof: &ClaimProof| json!({ "claim": proof.claim, "volume": proof.volume, "root": proof.root, "entries": proof.entries, "bytes": proof.bytes });
    let claims: Vec<Value> = findings.claims.iter().map(claim).collect();
    let text = json!({ "version": 1, "isSame": findings.is_same(), "claims": claims,
        "differences": findings.differences, "differencesLeftOut": findings.differences_left_out });
    let text = serde_json::to_string_pretty(&text).expect("it has only string keys");
    text.as_result(std::io::stdout().is_terminal())
}
