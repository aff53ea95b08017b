//! Bad input gets one clear error with a hint, an exit code of its own, and never a panic.

use crate::apps;
use crate::harness::{Ran, Space};

#[track_caller]
fn one_error(ran: Ran, code: i32, words: &str) {
    let errors = ran.stderr.lines().filter(|line| line.starts_with("error: ")).count();
    assert_eq!((ran.code, errors), (code, 1), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: "), "no hint in:\n{}", ran.stderr);
    assert!(ran.stderr.contains(words), "`{words}` is not in:\n{}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_understood_is_said_once() {
    let space = Space::new("bad");
    let to = ["--to-storage-class", "fast"];
    let plan = |reference: &[&str]| space.stateful(&[&["plan"], reference, &to[..]].concat());
    one_error(plan(&["sts/none"]), 1, "none");
    one_error(plan(&["frobnicator/x"]), 1, "frobnicator");
    one_error(plan(&["cm/x"]), 1, "cannot be moved");
    one_error(plan(&["-l", "app=none"]), 1, "app=none");
    apps::set(&space, "a", 1, &[("data", "slow")]);
    apps::set(&space, "b", 1, &[("data", "slow")]);
    one_error(plan(&["-l", "team=scribes"]), 1, "statefulset/a");
    one_error(plan(&["pod/a-0"]), 1, "statefulset/a");
    one_error(plan(&["pvc/data-a-0"]), 1, "statefulset/a");
    one_error(space.stateful(&["status", "none"]), 1, "none");
    space.stateful(&["status", "x; curl e"]).ends_with(1).says("a run's name");
}

#[test]
fn an_unreadable_or_newer_plan_file_is_refused() {
    let space = Space::new("badfile");
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the folder is ours");
        path.to_str().expect("a plain path").to_owned()
    };
    one_error(space.stateful(&["execute", &write("broken.yaml", "{ not: [a plan")]), 1, "not a plan");
    let newer = write("newer.yaml", "apiVersion: kubectl-stateful.dev/v9\nkind: Plan\n");
    one_error(space.stateful(&["execute", &newer]), 1, "kubectl-stateful.dev/v9");
    one_error(space.stateful(&["execute", &folder.path().join("missing.yaml").to_string_lossy()]), 1, "missing.yaml");
}

#[test]
fn a_cluster_that_cannot_be_reached_or_does_not_know_us_is_said_so() {
    let space = Space::new("badcluster");
    let plan = ["plan", "sts/x", "--to-storage-class", "fast"];
    one_error(space.stateful(&[&plan[..], &["--server", "https://127.0.0.1:1"]].concat()), 1, "127.0.0.1:1");
    one_error(space.stateful(&[&plan[..], &["--token", "expired"]].concat()), 1, "credential");
    one_error(space.stateful(&[&plan[..], &["--context", "none-such"]].concat()), 1, "none-such");
}
