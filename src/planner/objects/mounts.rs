//! The parts of a mover pod that stand for volumes: its orders, its state, and the ends of the claims it copies or compares.

use serde_json::{Value, json};

use super::mover_end::MoverEnd;
use crate::contract::orders;
use crate::plan::{Request, mover_pod};
use crate::planner::choose::{MovedClaim, Unit};
use crate::size;

/// How much a mover may keep on its node's disk: so much for its index, and for the block digests of large files (1.3 % of them at most,
/// `docs/copies.md`) and the entries of small ones a part of all volumes.
const STATE_BYTES: u64 = 4 << 30;
const STATE_PART_OF_VOLUMES: u64 = 20;

/// The parts of a mover pod that stand for volumes.
pub(super) struct Mounts {
    pub(super) volumes: Vec<Value>,
    pub(super) mounts: Vec<Value>,
    pub(super) devices: Vec<Value>,
    /// Source devices too.
    devices_are_writable: bool,
    /// How much room the mover's state has.
    pub(super) state_bytes: u64,
}

impl Mounts {
    /// What every mover has: its orders and its state.
    pub(super) fn without_volumes(bytes: u64) -> Self {
        let state_bytes = STATE_BYTES + bytes / STATE_PART_OF_VOLUMES;
        Self {
            volumes: vec![mover_pod::orders_volume(), json!({ "name": "state", "emptyDir": { "sizeLimit": size::quantity(state_bytes) } })],
            mounts: vec![
                json!({ "name": "orders", "mountPath": "/orders", "readOnly": true }),
                json!({ "name": "state", "mountPath": orders::STATE_ROOT }),
            ],
            devices: Vec::new(),
            devices_are_writable: false,
            state_bytes,
        }
    }

    pub(super) fn of(request: &Request, unit: &Unit<'_>, end: MoverEnd) -> Self {
        let all = unit.claims.iter().map(|claim| claim.seen.capacity_bytes).fold(0, u64::saturating_add);
        let mut mounts = Self { devices_are_writable: request.source_devices_writable, ..Self::without_volumes(all) };
        for MovedClaim { seen, slot, staging, .. } in &unit.claims {
            if end != MoverEnd::Target {
                mounts.add("source", orders::SOURCE_ROOT, &slot.0, &seen.name, seen.block);
            }
            if end != MoverEnd::Source {
                mounts.add("target", orders::TARGET_ROOT, &slot.0, staging, seen.block);
            }
        }
        mounts
    }

    pub(super) fn add(&mut self, end: &str, root: &str, slot: &str, claim: &str, block: bool) {
        let name = format!("{end}-{slot}");
        let read_only = end == "source" && !(block && self.devices_are_writable);
        let mut source = json!({ "claimName": claim });
        let path = format!("{root}/{slot}");
        if read_only {
            source["readOnly"] = json!(true);
        }
        self.volumes.push(json!({ "name": name, "persistentVolumeClaim": source }));
        // Read-only by the claim, so that a raw device cannot be written to either: it has no mount that could say so.
        if block {
            self.devices.push(json!({ "name": name, "devicePath": path }));
        } else if read_only {
            self.mounts.push(json!({ "name": name, "mountPath": path, "readOnly": true }));
        } else {
            self.mounts.push(json!({ "name": name, "mountPath": path }));
        }
    }
}
