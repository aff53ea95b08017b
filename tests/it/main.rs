//! One binary for all tests that need no cluster: planner, journal, engine and its faults.

mod clusters;
#[path = "../mover/dice.rs"]
mod dice;
mod journal;
mod passes;
mod permissions;
mod planner;
mod printed;
mod prompts;
mod reading;
mod records;
mod scope;
#[path = "../conformance/mod.rs"]
mod scripts;
mod seen;
mod sim;
mod standin;
mod standing;
mod streams;
mod surveys;
mod taking;
mod usage;

/// Simulated clusters are allocations above all, from many threads that come and go: this takes a third off the time of the sweep.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
