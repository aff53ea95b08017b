//! The two ends of a copy, as the steps that copy have them.

use serde::{Deserialize, Serialize};

use crate::plan::Slot;

/// The two ends of a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// The pod that reads the source, and writes the target too where `target_pod` is none.
    pub source_pod: String,
    /// The pod that writes the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_pod: Option<String>,
    /// The claims whose volumes are copied.
    pub slots: Vec<Slot>,
    /// At most this many bytes a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second_max: Option<u64>,
    /// Whether passes beside the running app rest while it wants the disk.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub throttle: bool,
}
