//! Mover pods that are killed or cannot start.

use std::process::Command;

use serde_json::Value;

use crate::apps;
use crate::harness::Space;
use crate::moving::Move;

/// Kills the processes of a pod that run this program, as the kernel does when memory is short.
#[track_caller]
fn kill_in(pod: &Value, program: &str) {
    let uid = pod["metadata"]["uid"].as_str().expect("every object has one");
    let mut killed = 0;
    for entry in std::fs::read_dir("/proc").expect("it is there").flatten() {
        let read = |file: &str| std::fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        if !read("cmdline").contains(program) || !(read("cgroup").contains(uid) || read("cgroup").contains(&uid.replace('-', "_"))) {
            continue;
        }
        let pid = entry.file_name().into_string().expect("a number");
        killed += u32::from(Command::new("kill").args(["-9", &pid]).status().is_ok_and(|status| status.success()));
    }
    assert!(killed > 0, "no {program} runs in pod {uid}");
}

#[test]
fn movers_are_killed_in_the_warm_copy_and_in_the_last_pass() {
    const NEAR: (&str, &str) = ("slow", "fast");
    const FAR: (&str, &str) = ("slow", "fast-now");
    let begun = [
        || Move::at("killwarm", NEAR, "warm-copy"),
        || Move::cold_at("killlast", NEAR, "last-pass"),
        || Move::at("killnet", FAR, "warm-copy"),
        || Move::cold_at("killnetlast", FAR, "last-pass"),
    ];
    for begin in begun {
        let moving = begin();
        for pod in moving.movers() {
            kill_in(&pod, "stateful-mover");
        }
        moving.comes_through();
    }
}

/// Its last words would say for ever that it is at it, with the app down.
#[test]
fn a_mover_pod_that_is_failed_in_the_last_pass_brings_the_app_back() {
    let moving = Move::cold_at("failed", ("slow", "fast"), "last-pass");
    moving.movers_are_failed();
    moving.comes_back("longer than the specified deadline");
}

#[test]
fn a_missing_image_is_named_and_the_app_left_alone() {
    let space = Space::new("image");
    apps::set(&space, "calm", 1, &[("data", "slow")]);
    let uid = space.get("pod/calm-0").expect("the pod")["metadata"]["uid"].clone();
    let args = ["execute", "sts/calm", "--to-storage-class", "fast", "--yes", "--mover-image", "localhost/none:1"];
    space.stateful(&args).ends_with(5).says("localhost/none:1").says("--mover-image");
    assert_eq!(space.get("pod/calm-0").expect("the pod")["metadata"]["uid"], uid, "the app was never stopped");
    assert_eq!(space.claim("data-calm-0").0, "slow");
    apps::lines(&space, "calm-0");
}
