//! Scenarios on a real cluster: the command as a user runs it, kubectl beside it, and nothing simulated.
//!
//! `tests/run` brings the cluster up and says where it is; without it these tests fail and say so. Each test takes a namespace of
//! its own and removes that and its volumes, by name. What the engine does under faults at every call is tested in `tests/it`.

mod apps;
mod bad_input;
mod broken;
mod conformance;
mod forged;
mod harness;
mod interrupted;
mod movers;
mod moves;
mod moving;
mod refused;
#[path = "../conformance/mod.rs"]
mod scripts;
mod undone;
mod verify;
