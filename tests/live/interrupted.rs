//! The command is killed in each phase, then the run is resumed, or undone: by another process, as from another machine.

use std::io::{BufRead, BufReader};
use std::process::Child;

use serde_json::{Value, json};

use crate::apps;
use crate::harness::{Ran, Space};
use crate::moving::until_acting;

/// Starts a move and kills it hard when a step of this name begins to act. Returns the run's name.
fn killed_at(space: &Space, set: &str, step: &str) -> String {
    let run = format!("k{}", step.replace('-', ""));
    let run: String = run.chars().take(18).collect();
    let reference = format!("sts/{set}");
    let mut child = space.start_stateful(&["execute", &reference, "--to-storage-class", "fast", "--yes", "-o", "jsonl", "--run", &run]);
    let reached = kill_when(&mut child, |notice| {
        notice["type"] == "acting" && notice["step"].as_str().is_some_and(|name| name.starts_with(&format!("{step}:")))
    });
    assert!(reached, "the move ended before step {step}");
    run
}

/// Reads events until one fits, then kills the process. Whether one did.
fn kill_when(child: &mut Child, fits: impl Fn(&Value) -> bool) -> bool {
    let lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let mut reached = false;
    for line in lines.map_while(Result::ok) {
        let notice: Value = serde_json::from_str(&line).unwrap_or_default();
        if fits(&notice) {
            reached = true;
            break;
        }
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    reached
}

/// Steps at which the command is killed: before the app is stopped, and while it is.
const BEFORE_THE_DRAIN: [&str; 4] = ["pin-reclaim", "reserve-target", "start-mover", "warm-copy"];
const WHILE_IT_IS_STOPPED: [&str; 6] = ["drain", "last-pass", "stop-mover", "release-claim", "adopt-claim", "restore-set"];

/// Runs are called the same in all of these tests, as they may be in different namespaces.
fn is_resumed_after_kills_at(space: &Space, phases: &[&str]) {
    for (index, phase) in phases.iter().enumerate() {
        let set = format!("r{index}");
        apps::set(space, &set, 1, &[("data", "slow")]);
        let run = killed_at(space, &set, phase);
        space.stateful(&["execute", "--resume", &run, "--yes"]).ends_with(0);
        space.until_ready(&format!("sts/{set}"));
        assert_eq!(space.claim(&format!("data-{set}-0")).0, "fast", "after a kill at {phase}");
        apps::nothing_is_lost(space, &format!("{set}-0"));
        space.kubectl(&["delete", "sts", &set]);
    }
}

fn is_undone_after_kills_at(space: &Space, phases: &[&str]) {
    for (index, phase) in phases.iter().enumerate() {
        let set = format!("u{index}");
        apps::set(space, &set, 1, &[("data", "slow")]);
        let (_, volume) = space.claim(&format!("data-{set}-0"));
        let run = killed_at(space, &set, phase);
        space.stateful(&["undo", &run, "--yes"]).ends_with(0);
        space.until_ready(&format!("sts/{set}"));
        assert_eq!(space.claim(&format!("data-{set}-0")), ("slow".to_owned(), volume), "after a kill at {phase}");
        apps::nothing_is_lost(space, &format!("{set}-0"));
        space.kubectl(&["delete", "sts", &set]);
    }
}

#[test]
fn killed_before_the_drain_and_resumed_it_completes() {
    is_resumed_after_kills_at(&Space::new("resume-early"), &BEFORE_THE_DRAIN);
}

#[test]
fn killed_while_the_app_is_stopped_and_resumed_it_completes() {
    is_resumed_after_kills_at(&Space::new("resume-late"), &WHILE_IT_IS_STOPPED);
}

#[test]
fn killed_before_the_drain_and_undone_it_is_as_before() {
    is_undone_after_kills_at(&Space::new("unwind-early"), &BEFORE_THE_DRAIN);
}

#[test]
fn killed_while_the_app_is_stopped_and_undone_it_is_as_before() {
    is_undone_after_kills_at(&Space::new("unwind-late"), &WHILE_IT_IS_STOPPED);
}

#[test]
fn a_second_executor_is_refused() {
    let space = Space::new("two");
    apps::set(&space, "two", 1, &[("data", "slow")]);
    let args = ["execute", "sts/two", "--to-storage-class", "fast", "--yes", "-o", "jsonl", "--run", "first", "--bandwidth-limit", "1Mi"];
    let mut first = space.start_stateful(&args);
    let lines = BufReader::new(first.stdout.take().expect("stdout is piped")).lines();
    let copying = lines.map_while(Result::ok).any(|line| line.contains("\"acting\"") && line.contains("warm-copy"));
    assert!(copying, "the first one copies");
    space.stateful(&["execute", "--resume", "first", "--yes"]).ends_with(4).says("is being moved by");
    space.stateful(&["execute", "sts/two", "--to-storage-class", "fast", "--yes"]).ends_with(4).says("first");
    first.kill().expect("it can be killed");
    first.wait().expect("it ends");
    space.stateful(&["undo", "first", "--yes"]).ends_with(0);
    space.until_ready("sts/two");
    apps::nothing_is_lost(&space, "two-0");
}

/// Deleting an account makes its tokens void at once, as an expiry does.
#[test]
fn a_token_that_becomes_void_stops_the_run_where_it_is() {
    let space = Space::new("token");
    apps::set(&space, "void", 1, &[("data", "slow")]);
    space.kubectl(&["create", "serviceaccount", "mover"]);
    let account = format!("--serviceaccount={}:mover", space.name);
    space.kubectl(&["create", "clusterrolebinding", &space.name, "--clusterrole=cluster-admin", &account]);
    let token = space.kubectl(&["create", "token", "mover"]);
    let mut config: Value = serde_json::from_str(&space.kubectl(&["config", "view", "--raw", "-o", "json"])).expect("kubectl prints JSON");
    for user in config["users"].as_array_mut().expect("a list") {
        user["user"] = json!({ "token": token.trim() });
    }
    let file = std::env::temp_dir().join(format!("{}.conf", space.name));
    std::fs::write(&file, config.to_string()).expect("a file");
    let kubeconfig = format!("--kubeconfig={}", file.display());
    let args = [
        "execute",
        "sts/void",
        "--to-storage-class",
        "fast",
        "--yes",
        "--run",
        "void",
        "-o",
        "jsonl",
        "--bandwidth-limit",
        "200Ki",
        &kubeconfig,
    ];
    let mut child = space.start_stateful(&args);
    until_acting(&mut child, "warm-copy");
    space.kubectl(&["delete", "serviceaccount", "mover"]);
    let first = Ran::of(&child.wait_with_output().expect("it ends"));
    space.kubectl(&["delete", "clusterrolebinding", &space.name]);
    std::fs::remove_file(&file).expect("it is ours");
    assert_ne!(first.code, 0);
    first.says("kubectl stateful execute --resume void");
    space.stateful(&["execute", "--resume", "void", "--yes"]).ends_with(0);
    space.until_ready("sts/void");
    apps::nothing_is_lost(&space, "void-0");
}
