//! The Kubernetes API: the only room that talks to it.
//!
//! - [`connect`] makes connections from a kubeconfig, and [`place`] is a cluster and a namespace in it.
//! - [`verbs`] is every call the product can make, and [`failure`] why one did not succeed.
//! - [`read`] reads what a plan needs to know.
//! - [`access`] asks what we may do, [`fence`] whether changes may still be made, and [`credentials`] says until when.
//! - [`identity`] tells clusters apart, and [`writer`] tells who wrote an object.
//! - [`warnings`] keeps what the server said beside its answers.
//!
//! Nothing here decides anything.

pub mod access;
pub mod connect;
pub mod credentials;
pub mod failure;
pub mod fence;
pub mod identity;
pub mod kinds;
pub mod place;
pub mod read;
pub mod verbs;
pub mod warnings;
pub mod writer;

pub use connect::{ConnectError, ConnectOptions, Connection};
pub use credentials::Expiry;
pub use failure::ApiError;
pub use fence::Fence;
pub use kinds::Kind;
pub use place::Place;
pub use verbs::{Creation, Delete};
pub use writer::{last_other_writer, last_writer};
