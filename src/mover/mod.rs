//! The data path: copies a volume's bytes, proves the copy, and knows nothing of Kubernetes.
//!
//! Everything here works on folders, block devices and sockets. What the pods are told and what they answer is in
//! [`crate::contract`]; the rest of the product talks to a mover only through those types.
//!
//! Its rooms form a ladder. A room takes names from those below it, never from those above, which `tests/tidy` checks:
//!
//! | room | what it does |
//! | --- | --- |
//! | [`agent`] | takes orders, reports; or does one thing by hand |
//! | [`net`] | connects two movers: who is let in, what is said, how content is sent |
//! | [`pass`] | makes one pass over one volume, from its source end to the proof at its target end |
//! | [`walk`] | looks over a volume: what is there, what is unchanged, what the rest holds |
//! | [`write`] | carries changes out at the target, and notes what must be read back |
//! | [`manifest`] | remembers a volume |
//! | [`disk`] | wraps what the kernel offers of volumes, folders, files and devices |
//! | [`manners`] | behaves beside the app: steps back, takes a share, rests, keeps a pace |
//! | [`ground`] | digests, paths, failures, counters, threads |
//!
//! The module runs on Linux only. Nothing above [`crate::contract`] needs it.

pub mod agent;
pub mod disk;
pub mod ground;
pub mod manifest;
pub mod manners;
pub mod net;
pub mod pass;
pub mod walk;
pub mod write;
