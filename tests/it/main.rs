//! One binary for all tests that need no cluster: planner, journal, engine and its faults.
//!
//! The simulated cluster runs the real mover, and so on Linux only, as what asks on a pseudo-terminal runs on Unix only.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "the simulated cluster uses much of it"))]

mod clusters;
#[path = "../mover/dice.rs"]
mod dice;
mod journal;
mod passes;
mod permissions;
mod planner;
mod printed;
#[cfg(unix)]
mod prompts;
mod reading;
mod records;
mod scope;
#[cfg(target_os = "linux")]
#[path = "../conformance/mod.rs"]
mod scripts;
mod seen;
#[cfg(target_os = "linux")]
mod sim;
mod standin;
mod standing;
mod streams;
mod surveys;
mod taking;
mod usage;

/// Simulated clusters are allocations above all, from many threads that come and go: this takes a third off the time of the sweep.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
