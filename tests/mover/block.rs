//! Raw devices, with files in their place.
