//! The data path: copies a volume's bytes, proves the copy, and knows nothing of Kubernetes.
//!
//! Everything here works on folders, block devices and sockets. What the pods are told and what they answer is in
//! [`orders`]; the rest of the product talks to a mover only through those types.

pub mod orders;
