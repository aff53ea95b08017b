//! What a step means for the rules that every plan has to keep, in words that are the same for all steps. The rules are in `plan::check`.

/// One thing that is so once a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact<'a> {
    /// The source volume outlives its claim.
    PinsSource {
        /// The claim's slot.
        slot: &'a str,
        /// The volume.
        volume: &'a str,
    },
    /// The target volume outlives its staging claim.
    PinsTarget {
        /// The claim's slot.
        slot: &'a str,
    },
    /// The copy is proven.
    Proves {
        /// The claim's slot.
        slot: &'a str,
    },
    /// No pod of the app runs on the claim.
    StopsApp {
        /// The claim.
        claim: &'a str,
    },
    /// A mover holds claims.
    StartsMover {
        /// Its pod.
        pod: &'a str,
    },
    /// A mover holds none any more.
    StopsMover {
        /// Its pod.
        pod: &'a str,
    },
    /// The claim is deleted.
    Frees {
        /// The claim's slot.
        slot: &'a str,
        /// The claim.
        claim: &'a str,
        /// The volume that stays.
        volume: &'a str,
    },
    /// The target volume is reserved for the claim.
    Reserves {
        /// The claim's slot.
        slot: &'a str,
        /// The claim.
        claim: &'a str,
    },
    /// The claim is made again.
    Adopts {
        /// The claim's slot.
        slot: &'a str,
        /// The claim.
        claim: &'a str,
    },
    /// A part of the app is taken away.
    Takes(AppPart<'a>),
    /// A part of the app is there again.
    GivesBack(AppPart<'a>),
}

/// What a move takes from an app and has to give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AppPart<'a> {
    /// Its stateful set.
    Set {
        /// The set.
        name: &'a str,
    },
    /// Its bare pod.
    Pod {
        /// The pod.
        name: &'a str,
    },
    /// Its replicas.
    Replicas {
        /// The app.
        name: &'a str,
        /// How many.
        count: u64,
    },
}
