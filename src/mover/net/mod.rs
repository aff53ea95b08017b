//! Two movers and the connections between them: who is let in, what is said, and how content is sent.
//!
//! What a change does to a volume is not decided here.

pub mod channel;
pub mod compress;
mod door;
pub mod link;
mod listing;
pub mod notices;
mod packer;
pub mod remote;
pub mod serve;
pub mod session;
mod stream;
pub mod tls;
pub mod wire;
