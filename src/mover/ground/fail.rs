//! Why an order of the mover stops: a [`Halt`] is either a cancellation or a [`Failure`] in the words of the contract.
//!
//! The three constructors differ in the end at which the system refused, because the engine answers them differently.
//! Nothing is retried here.

use rustix::io::Errno;

use super::path;
use crate::contract::orders::{Failure, Reason};

/// What ends a pass early.
#[derive(Clone, Debug)]
pub enum Halt {
    /// A newer order, or the end of the other threads of the same pass.
    Cancelled,
    /// The order failed.
    Failed(Failure),
}

/// The result of everything in the data path.
pub type Result<T> = std::result::Result<T, Halt>;

impl Halt {
    /// Returns a failure with this reason and message.
    pub fn new(reason: Reason, message: impl Into<String>) -> Halt {
        Halt::Failed(Failure { reason, volume: None, message: message.into() })
    }

    /// Returns whether this says more than that a connection or a neighbour thread ended.
    #[must_use]
    pub fn is_telling(&self) -> bool {
        match self {
            Halt::Cancelled => false,
            Halt::Failed(failure) => failure.reason != Reason::Peer,
        }
    }

    /// Returns the same halt, naming the volume it happened on.
    #[must_use]
    pub fn on_volume(self, name: &str) -> Halt {
        match self {
            Halt::Cancelled => Halt::Cancelled,
            Halt::Failed(failure) => Halt::Failed(Failure { volume: failure.volume.or_else(|| Some(name.to_owned())), ..failure }),
        }
    }
}

fn told(what: &str, path: &[u8], errno: Errno) -> String {
    format!("{what} `{}`: {}", path::shown(path), errno_text(errno))
}

/// Returns the system's own words.
pub(crate) fn errno_text(errno: Errno) -> String {
    std::io::Error::from_raw_os_error(errno.raw_os_error()).to_string()
}

/// Returns the halt for something at the source that could not be read.
#[must_use]
pub fn at_source(what: &str, path: &[u8], errno: Errno) -> Halt {
    Halt::new(Reason::SourceUnreadable, told(what, path, errno))
}

/// Returns the halt for a refusal of the target's file system that concerns data or names.
#[must_use]
pub fn at_target(what: &str, path: &[u8], errno: Errno) -> Halt {
    let reason = match errno {
        Errno::NOSPC | Errno::DQUOT => Reason::TargetFull,
        // The target's file system cannot hold such a name, size or number of links.
        Errno::NAMETOOLONG | Errno::FBIG | Errno::MLINK | Errno::ILSEQ => Reason::CannotKeep,
        _ => Reason::System,
    };
    Halt::new(reason, told(what, path, errno))
}

/// Returns the halt for metadata that could not be set at the target as it is at the source.
#[must_use]
pub fn keeping(what: &str, path: &[u8], errno: Errno) -> Halt {
    let reason = match errno {
        Errno::NOSPC | Errno::DQUOT => Reason::TargetFull,
        Errno::IO => Reason::System,
        _ => Reason::CannotKeep,
    };
    Halt::new(reason, told(what, path, errno))
}

/// Returns the halt for anything else of the operating system, most of all the mover's own state folder.
#[must_use]
pub fn system(what: &str, path: &[u8], errno: Errno) -> Halt {
    Halt::new(Reason::System, told(what, path, errno))
}

/// As [`system`], for errors of the standard library.
#[must_use]
pub fn system_io(what: &str, error: &std::io::Error) -> Halt {
    Halt::new(Reason::System, format!("{what}: {error}"))
}

/// Returns the halt for a peer that cannot be reached or does not speak as it should.
#[must_use]
pub fn peer(message: impl Into<String>) -> Halt {
    Halt::new(Reason::Peer, message)
}
