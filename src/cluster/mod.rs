//! The Kubernetes API: the only room that talks to it.
//!
//! [`connect`] makes connections from a kubeconfig, [`verbs`] is every call the product can make, [`survey`] reads what a plan
//! needs to know, [`access`] asks what we may do, [`warnings`] keeps what the server said beside its answers. Nothing here
//! decides anything.

pub mod access;
pub mod connect;
pub mod kept;
pub mod kinds;
pub mod survey;
pub mod verbs;
pub mod warnings;

pub use connect::{ConnectError, ConnectOptions, Connection};
pub use kinds::Kind;
pub use verbs::{ApiError, Created, Delete};
