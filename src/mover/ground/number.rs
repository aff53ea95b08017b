//! Numbers that nobody else has.
//!
//! They are drawn at random. No two are ever compared to find out which is later.

use super::fail::{Halt, Result};
use crate::contract::orders::Reason;

/// Returns a number that no other process and no other session has.
pub fn new_number() -> Result<u64> {
    let mut bytes = [0; 8];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_| Halt::new(Reason::System, "the system gives no random numbers"))?;
    Ok(u64::from_le_bytes(bytes))
}
