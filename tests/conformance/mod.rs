//! What Kubernetes answers and does, as far as the product relies on it: scripts of API calls, each with one record for every cluster.
//!
//! The same scripts run against the real cluster (`tests/live`) and against the simulated one (`tests/it`). Both must give the record
//! in `snapshots/`; if they disagree the real one is right, and the record is taken from it (`INSTA_UPDATE=always`).

mod lab;
mod list;

pub(crate) use lab::Lab;
pub(crate) use list::ALL;

/// Compares what was said in a script with its record.
pub(crate) fn check(name: &str, lab: &Lab) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, lab.record()));
}
