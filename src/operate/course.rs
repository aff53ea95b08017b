//! How a run is taken up.

/// From where a run is driven, and in which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// From its beginning.
    Begin,
    /// Where it stopped.
    Resume,
    /// Back.
    Undo,
}
