//! Tests of the data path against real file systems, loopback sockets and the real binary.
//!
//! Trees are compared by a checker of their own, which shares no code with the mover. Nothing here asserts a time.
#![cfg(target_os = "linux")]

mod agent;
mod attributes;
mod beside;
mod block;
mod by_hand;
mod dice;
mod ends;
mod flags;
mod frames;
mod hazards;
mod loops;
mod lost_and_found;
mod network;
mod owners;
mod pod;
mod proxy;
mod refusals;
mod round_trips;
mod sparse;
mod state;
mod taking;
mod times;
mod trees;
