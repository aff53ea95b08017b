//! What commands do, without terminal and arguments: the command calls it, and so does the simulated cluster, so that what is tried there
//! is what ships.
//!
//! [`trust`] decides whether a plan and a journal that were read back count, [`carry_out`] carries a run to an ending,
//! [`records`] says where runs stand, [`rehearsal`] tries what a plan will make.

pub mod carry_out;
pub mod failure;
pub mod finalize;
pub mod records;
pub mod rehearsal;
pub mod trust;
pub mod verify;

pub use carry_out::{ExecuteError, Executor, carry_out};
pub use trust::{Basis, Distrust, Record, Word};

/// How a run is taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From its beginning.
    Begin,
    /// Where it stopped.
    Resume,
    /// Back.
    Undo,
}
