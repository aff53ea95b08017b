//! The data path: copies a volume's bytes, proves the copy, and knows nothing of Kubernetes.
//!
//! Everything here works on folders, block devices and sockets. What the pods are told and what they answer is in
//! [`crate::contract`]; the rest of the product talks to a mover only through those types.

pub mod agent;
pub mod disk;
pub mod ground;
pub mod manifest;
pub mod manners;
pub mod net;
pub mod pass;
pub mod walk;
pub mod write;
