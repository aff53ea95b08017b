//! What a step means for the rules that every plan has to keep, in words that are the same for all steps. The rules are in `plan::check`.

use crate::plan::Slot;

/// One thing that is so once a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact<'a> {
    /// The source volume of a claim outlives it.
    PinsSource(&'a Slot),
    /// The target volume of a claim outlives its staging claim.
    PinsTarget(&'a Slot),
    /// The copy of a claim is proven.
    Proves(&'a Slot),
    /// No pod of the app runs on the claims.
    StopsApp,
    /// A mover pod of this name holds claims.
    StartsMover(&'a str),
    /// A mover pod of this name holds none any more.
    StopsMover(&'a str),
    /// A claim is deleted, and its volume stays.
    Frees(&'a Slot),
    /// The target volume is reserved for the claim's own name.
    Reserves(&'a Slot),
    /// The claim is made again.
    Adopts(&'a Slot),
    /// A part of the app is taken away.
    Takes(AppPart),
    /// A part of the app is there again.
    GivesBack(AppPart),
}

/// What a move takes from an app and has to give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AppPart {
    /// Its stateful set.
    Set,
    /// Its bare pod.
    Pod,
    /// Its replicas.
    Replicas,
}
