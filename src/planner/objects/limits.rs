//! What a mover may take of its node's memory and disk, said in so many words: where a pod names no limit, the default of a limit range is put in by
//! admission, and a mover with 128Mi is killed in the midst of a large tree.
//!
//! What it asks for of processor and memory is decided elsewhere, and a limit that is named already stays. Of the processor it names none: with a small default it is
//! slow, and no worse.

use serde_json::{Value, json};

use crate::size;
use crate::survey::LimitSeen;

/// Room for the folders and hard links of which a mover keeps an index, see `docs/copies.md`: 1.4 million folders with both ends in one pod.
const MEMORY_BYTES_MAX: u64 = 2 << 30;

/// Enough for most; what it takes beyond is taken as it is needed, and may have to be given back to pods that asked for it.
const DISK_BYTES: u64 = 64 << 20;

/// Names the limits of a container's resources, for a mover whose state has this much room.
pub(crate) fn say(resources: &mut Value, limits: &[LimitSeen], state_bytes: u64) {
    if resources["limits"]["memory"].is_null() {
        resources["limits"]["memory"] = json!(size::quantity(within(limits, "memory", MEMORY_BYTES_MAX)));
    }
    let disk = within(limits, "ephemeral-storage", state_bytes + DISK_BYTES);
    resources["limits"]["ephemeral-storage"] = json!(size::quantity(disk));
    resources["requests"]["ephemeral-storage"] = json!(size::quantity(within(limits, "ephemeral-storage", DISK_BYTES)));
}

/// Returns an amount as the limit ranges let it through.
fn within(limits: &[LimitSeen], resource: &str, bytes: u64) -> u64 {
    let ranges = limits.iter().filter(|range| range.resource == resource && range.applies_to != "PersistentVolumeClaim");
    ranges.fold(bytes, |bytes, range| bytes.min(range.max.unwrap_or(bytes)).max(range.min.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(mut resources: Value, ranges: &[(&str, Option<u64>, Option<u64>)]) -> Value {
        let seen = |(resource, min, max): &(&str, Option<u64>, Option<u64>)| {
            serde_json::from_value(json!({ "name": "r", "appliesTo": "Container", "resource": resource, "min": min, "max": max }))
                .expect("a limit")
        };
        let limits: Vec<LimitSeen> = ranges.iter().map(seen).collect();
        say(&mut resources, &limits, 4 << 30);
        resources
    }

    #[test]
    fn memory_and_disk_are_named_so_that_no_default_is_put_in() {
        let wanted = json!({
            "requests": { "cpu": "50m", "memory": "64Mi", "ephemeral-storage": "64Mi" },
            "limits": { "memory": "2Gi", "ephemeral-storage": "4160Mi" },
        });
        assert_eq!(said(json!({ "requests": { "cpu": "50m", "memory": "64Mi" } }), &[]), wanted);
    }

    #[test]
    fn a_limit_that_is_named_stays_and_ranges_are_kept_to() {
        let named = said(json!({ "requests": {}, "limits": { "memory": "512Mi" } }), &[]);
        assert_eq!(named["limits"]["memory"], "512Mi");
        let ranges = [("memory", None, Some(1 << 30)), ("ephemeral-storage", Some(128 << 20), Some(1 << 30))];
        let kept = said(json!({ "requests": {} }), &ranges);
        assert_eq!(kept["limits"], json!({ "memory": "1Gi", "ephemeral-storage": "1Gi" }));
        assert_eq!(kept["requests"]["ephemeral-storage"], "128Mi");
    }
}
