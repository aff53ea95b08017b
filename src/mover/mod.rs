//! The data path: copies a volume's bytes, proves the copy, and knows nothing of Kubernetes.
//!
//! Everything here works on folders, block devices and sockets. What the pods are told and what they answer is in
//! [`orders`]; the rest of the product talks to a mover only through those types.

pub mod orders;

pub mod agent;
pub mod apply;
mod attributes;
pub mod block;
pub mod blocks;
pub mod buffer;
pub mod by_hand;
pub mod cached;
pub mod change;
pub mod channel;
pub mod compare;
pub mod compress;
pub mod digest;
pub mod digest_tree;
mod door;
pub mod early;
pub mod fail;
mod flags;
mod flush;
mod groups;
mod holes;
pub mod known;
mod layers;
mod lend;
pub mod line;
pub mod link;
pub mod manifest;
pub mod metadata;
pub mod pace;
pub mod path;
pub mod priority;
pub mod progress;
pub mod quiet;
mod read;
mod read_back;
pub mod remote;
pub mod scan;
mod segments;
pub mod serve;
mod set_back;
pub mod share;
pub mod silence;
mod small;
pub mod source;
mod store;
mod stream;
pub mod target;
pub mod throttle;
mod times;
pub mod tls;
pub mod together;
pub mod touched;
pub mod tree;
pub mod volume;
pub mod wire;
pub mod work;
mod write;
