//! The two ends of a move.

use serde::{Deserialize, Serialize};

/// Where something is: where the app comes from, or where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum End {
    /// Where the app is before the move.
    Source,
    /// Where it is after it.
    Target,
}
