//! The way of each claim in a plan: both its ends, how it gets from one to the other, and what that adds to the outage.
//! What is the same for every step of a claim stands here; what differs is in the steps.

use serde::{Deserialize, Serialize};

use super::names::Slot;
use crate::contract::orders::VolumeMode;

/// What reading or copying a whole volume is assumed to manage, in bytes a second, where an estimate is told.
pub const ASSUMED_BYTES_PER_SECOND: u64 = 100 * (1 << 20);

/// One claim's way. Steps name it by its slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimMove {
    /// Its key in steps, receipts and labels of ours.
    pub slot: Slot,
    /// The claim, whose name stays.
    pub claim: String,
    /// Whether it is a raw device or a file system.
    pub mode: VolumeMode,
    /// Where its data is.
    pub source: SourceEnd,
    /// Where its data goes.
    pub target: TargetEnd,
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

/// A claim where its data is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceEnd {
    /// The claim's uid.
    pub uid: String,
    /// Its class.
    pub class: Option<String>,
    /// Its volume.
    pub volume: String,
    /// That volume's uid.
    pub volume_uid: String,
    /// The size of that volume in bytes.
    pub capacity_bytes: u64,
}

/// A claim where its data goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetEnd {
    /// The claim by which the target volume is made and mounted: a staging claim, until the claim's own name is free.
    pub claim: String,
    /// The claim's class then.
    pub class: Option<String>,
    /// The size of the target volume in bytes, if it is to be another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The volume that is taken up again; none where one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptEnd>,
}

/// A volume that an earlier run kept, and that a claim goes back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeptEnd {
    /// The volume.
    pub volume: String,
    /// Its uid.
    pub volume_uid: String,
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
