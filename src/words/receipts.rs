//! The proofs of a run's copies, as a table.

use super::escaped::{Words, words};
use super::table::row;
use crate::journal::event::Receipt;
use crate::journal::{Entry, Event};
use crate::plan::Plan;
use crate::size;

pub(super) fn receipts_text(plan: &Plan, entries: &[Entry]) -> Words {
    let receipts: Vec<&Receipt> = entries
        .iter()
        .flat_map(|entry| match &entry.event {
            Event::Settled { evidence, .. } | Event::Found { evidence, .. } => evidence.receipts.as_slice(),
            _ => &[],
        })
        .collect();
    if receipts.is_empty() {
        return Words::default();
    }
    let mut rows = vec![row(&[&"CLAIM", &"CLASS", &"ENTRIES", &"BYTES", &"LAST-PASS", &"PROOF"])];
    for receipt in receipts {
        let Some(one) = plan.moves.iter().find(|one| one.slot.0 == receipt.slot) else { continue };
        let class = one.target.class.as_deref().unwrap_or_default();
        let (bytes, changed) = (size::words(receipt.bytes), size::words(receipt.bytes_changed));
        let proof = words!("blake3:{}", receipt.root.chars().take(16).collect::<String>());
        rows.push(row(&[&one.claim, &class, &receipt.entries, &bytes, &changed, &proof]));
    }
    Words::table(&rows)
}
