//! Writes that stamps do not show.
