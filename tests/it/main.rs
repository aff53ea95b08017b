//! One binary for all tests that need no cluster: planner, journal, engine and its faults.

#[path = "../mover/dice.rs"]
mod dice;
mod journal;
mod passes;
mod permissions;
mod planner;
mod reading;
#[path = "../conformance/mod.rs"]
mod scripts;
mod seen;
mod sim;
