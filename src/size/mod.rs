//! Amounts as Kubernetes writes them: `write` puts them into words, [`read`] takes quantities apart.
//!
//! It is plain arithmetic and knows no objects.

pub mod read;
mod write;

pub use write::{quantity, words};
