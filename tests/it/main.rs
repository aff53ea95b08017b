//! One binary for all tests that need no cluster: planner, journal, engine and its faults.

mod journal;
mod passes;
mod permissions;
mod planner;
#[path = "../conformance/mod.rs"]
mod scripts;
mod seen;
mod sim;
