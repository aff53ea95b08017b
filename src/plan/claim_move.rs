//! The way of each claim in a plan, from where to where, how, and what that adds to the outage. People read
//! it, and so do the trust in a plan, the look before the stop and the estimate of a whole copy; steps have values of their own.

use serde::{Deserialize, Serialize};

/// What reading or copying a whole volume is assumed to manage, in bytes a second, where an estimate is told.
pub const ASSUMED_BYTES_PER_SECOND: u64 = 100 * (1 << 20);

/// One claim's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimMove {
    /// The claim, whose name stays.
    pub claim: String,
    /// Its key in labels of ours.
    pub slot: String,
    /// Its class now.
    pub source_class: Option<String>,
    /// Its class then.
    pub target_class: Option<String>,
    /// The source volume.
    pub source_volume: String,
    /// The size of the source volume in bytes.
    pub capacity_bytes: u64,
    /// The size of the target volume in bytes, if it is to be another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_bytes: Option<u64>,
    /// How the bytes get there.
    pub rung: Rung,
    /// Why that way.
    pub because: String,
    /// The node the app uses it on, if it runs.
    pub node: Option<String>,
    /// Whether it goes over the network from one mover pod to another.
    pub over_network: bool,
    /// What it adds to the outage.
    #[serde(default, skip_serializing_if = "OutageCost::is_unknown")]
    pub outage: OutageCost,
    /// Why so much.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outage_because: String,
}

/// What a claim adds to the time in which the app is down: whether that grows with what is on its volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OutageCost {
    /// A plan of an earlier version does not say.
    #[default]
    Unknown,
    /// Nothing is read.
    Nothing,
    /// Every file is looked at, and the content of those is read that changed since the last warm pass.
    Changes,
    /// The content of the whole volume is read.
    Whole,
}

impl OutageCost {
    /// Whether a plan of an earlier version does not say.
    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

/// The ways of getting a volume's bytes elsewhere, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rung {
    /// Copied while the app runs; only what changed is copied while it is stopped.
    Warm,
    /// Copied while no app runs on it.
    Cold,
    /// Nothing is copied: an earlier volume is taken up again as it is.
    Rebind,
}
