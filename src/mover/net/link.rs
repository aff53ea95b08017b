//! Goes on over a new connection when one breaks: a few times, each after a longer rest.
//!
//! What is sent again and what is not is the business of whoever works over it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::remote::Remote;
use super::tls::Identity;
use crate::contract::orders::{Fingerprint, Reason};
use crate::mover::ground::fail::{Halt, Result};
use crate::mover::ground::number::new_number;
use crate::mover::ground::progress::Cancel;
use crate::mover::manners::pace::Pace;

/// How long the other mover may take to be there, which may have its orders later than this one.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);
/// How often a pass goes on after its connection broke.
const RECONNECTS_MAX: u32 = 5;

/// A target end, and how it is reached.
pub struct Link<'a> {
    /// Who we are.
    pub identity: &'a Identity,
    /// Where it listens.
    pub address: SocketAddr,
    /// Who it must be.
    pub peer: &'a Fingerprint,
    /// How fast may be sent.
    pub pace: Option<Arc<Pace>>,
    /// Ends it.
    pub cancel: &'a Cancel,
}

impl Link<'_> {
    /// Works over a connection, and over another one from where it was when that breaks.
    pub fn work(&self, mut work: impl FnMut(&mut Remote) -> Result<()>) -> Result<()> {
        let mut reconnects = 0;
        loop {
            let mut remote = self.connect()?;
            match work(&mut remote) {
                Err(Halt::Failed(failure)) if failure.reason == Reason::Peer && reconnects < RECONNECTS_MAX && !self.cancel.is_set() => {
                    reconnects += 1;
                    std::thread::sleep(Duration::from_millis(200) * reconnects);
                }
                // What breaks after the pass was called off is its consequence.
                Err(_) if self.cancel.is_set() => return Err(Halt::Cancelled),
                other => return other,
            }
        }
    }

    fn connect(&self) -> Result<Remote> {
        let until = Instant::now() + CONNECT_WITHIN;
        loop {
            self.cancel.check()?;
            match Remote::connect(self.identity, self.address, self.peer, new_number()?, self.pace.clone()) {
                Err(_) if Instant::now() < until => std::thread::sleep(Duration::from_millis(100)),
                other => return other,
            }
        }
    }
}
