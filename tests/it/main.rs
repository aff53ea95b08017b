//! One binary for all tests that need no cluster: planner, journal, engine and its faults.

mod journal;
mod passes;
mod permissions;
mod planner;
mod seen;
mod sim;
