//! The two ends of a move.

/// Where something is: where the app comes from, or where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Where the app is before the move.
    Source,
    /// Where it is after it.
    Target,
}
