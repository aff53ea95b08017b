//! Where runs stand, as the real command tells it from records, leases and volumes: running, halted, lost, with the app down, taken back.

use std::path::PathBuf;

use jiff::Timestamp;
use kubectl_stateful::journal::event::VERSION;
use kubectl_stateful::journal::outage::down_since;
use kubectl_stateful::journal::{Entry, Event, Evidence, Outcome, RunState};
use kubectl_stateful::plan::{Plan, Request, RunId, Step, StepId, file, marks};
use kubectl_stateful::planner;
use serde_json::{Value, json};

use crate::seen;
use crate::standin::Standin;
use crate::taking::config_map_of;

/// The plan of a move of set `pg`, as the stand-in has it.
fn plan(run: &str) -> Plan {
    let request = Request { run: RunId(run.to_owned()), ..seen::request() };
    planner::plan(&request, &seen::set(1, &["data"]), "https://cluster").expect("it can be planned")
}

/// Events with the times they were written at, a second apart.
fn chain(plan: &Plan, events: Vec<Event>) -> Vec<Entry> {
    let mut state = RunState::default();
    let mut entries = Vec::new();
    let opened = Event::Opened { executor: "host-1-m".to_owned(), back: false, plan: plan.digest() };
    for event in std::iter::once(opened).chain(events) {
        let (sequence, before) = (state.sequence + 1, state.last_digest.clone());
        let at = format!("2026-01-01T00:{:02}:{:02}Z", sequence / 60, sequence % 60);
        let entry = Entry { version: VERSION, sequence, at, before, event };
        state = state.fold(&entry).expect("legal");
        entries.push(entry);
    }
    entries
}

/// All steps until one is settled, or all of them.
fn steps_until(plan: &Plan, last: impl Fn(&Step) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    for (_, planned) in plan.steps() {
        let step = || planned.id.clone();
        events.extend([Event::Intent { step: step() }, Event::Settled { step: step(), evidence: Evidence::default() }]);
        if last(&planned.step) {
            break;
        }
    }
    events
}

fn completed(plan: &Plan) -> Vec<Event> {
    let mut events = steps_until(plan, |_| false);
    events.push(Event::Ended { outcome: Outcome::Completed });
    events
}

fn halted() -> Event {
    Event::Halted { step: None, why: "interrupted".to_owned() }
}

/// Stores a run's records, under the label that they would have.
fn record(standin: &Standin, plan: &Plan, state: &str, events: Vec<Event>) -> Vec<Entry> {
    let entries = chain(plan, events);
    let (run, app) = (plan.run(), marks::app_key(plan.app.kind, &plan.app.name));
    let labels = json!({ marks::RUN: run, marks::RECORD: "plan", marks::APP: app, marks::STATE: state });
    let metadata = json!({ "name": format!("stateful-{run}-plan-0"), "namespace": "db", "labels": labels, "resourceVersion": "7",
        "creationTimestamp": "2026-01-01T00:00:00Z", "annotations": { "kubectl-stateful.dev/app-name": plan.app.reference() } });
    let record = json!({ "metadata": metadata, "data": { "pieces": "1", "plan": file::to_json(plan) } });
    standin.put(&format!("/api/v1/namespaces/db/configmaps/stateful-{run}-plan-0"), record);
    standin.put(&format!("/api/v1/namespaces/db/configmaps/stateful-{run}-journal-0"), config_map_of(&entries));
    entries
}

/// Somebody renews the lease on the app for a run, or did so an hour ago.
fn lease(standin: &Standin, plan: &Plan, is_renewed: bool) {
    let key = marks::app_key(plan.app.kind, &plan.app.name);
    let now = Timestamp::now().as_second() - if is_renewed { 1 } else { 3600 };
    let time = Timestamp::from_second(now).expect("a time").to_string();
    let lease = json!({ "metadata": { "name": format!("stateful-{key}"), "resourceVersion": "8", "labels": { marks::RUN: plan.run() } },
        "spec": { "holderIdentity": "laptop-7-mabc", "renewTime": time } });
    standin.put(&format!("/apis/coordination.k8s.io/v1/namespaces/db/leases/stateful-{key}"), lease);
}

/// The column of the state in the list of runs, and the first lines about one.
fn told(standin: &Standin, run: &str) -> (String, String) {
    let (list, one) = (standin.run(&["status"]), standin.run(&["status", run]));
    assert_eq!((list.code, one.code), (Some(0), Some(0)), "{}{}", list.err, one.err);
    let row = list.out.lines().find(|line| line.starts_with(&format!("{run} "))).expect("it is listed").to_owned();
    let end = row.find("2026-01-01T00:00:00Z").expect("its beginning is last");
    let state = row[..end].trim().rsplit("   ").next().expect("columns").trim().to_owned();
    let state = if row.contains("DOWN since") { row.split("   ").nth(2).map(|_| row.clone()).expect("columns") } else { state };
    (state, one.out)
}

fn is_drain(step: &Step) -> bool {
    matches!(step, Step::Drain(_))
}

fn is_warm_copy(step: &Step) -> bool {
    matches!(step, Step::WarmCopy(_))
}

#[test]
fn a_run_is_running_halted_or_lost() {
    let plan = plan("m1");
    let standin = Standin::with_set();
    record(&standin, &plan, "running", steps_until(&plan, is_warm_copy));
    let (short, long) = told(&standin, "m1");
    assert_eq!(short, "executor lost");
    assert!(
        long.starts_with("statefulset/pg in namespace db, run m1: executor lost: the run has not ended, and no process carries it out\n"),
        "{long}"
    );
    assert!(
        long.contains("Go on with `kubectl stateful execute --resume m1 -n db`, or back with `kubectl stateful undo m1 -n db`"),
        "{long}"
    );
    assert!(!long.contains("DOWN"), "{long}");
    lease(&standin, &plan, true);
    let (short, long) = told(&standin, "m1");
    assert_eq!(short, "running");
    assert!(long.contains("run m1: running, carried out by laptop-7-mabc\n"), "{long}");
    assert!(!long.contains("--resume"), "who carries it out need not be told to: {long}");
    lease(&standin, &plan, false);
    assert_eq!(told(&standin, "m1").0, "executor lost");
    // Who may only look at records need not be able to see leases.
    let key = marks::app_key(plan.app.kind, &plan.app.name);
    standin.refuse(&format!("/apis/coordination.k8s.io/v1/namespaces/db/leases/stateful-{key}"), 403, 1000);
    let (short, long) = told(&standin, "m1");
    assert_eq!(short, "not ended");
    assert!(long.contains("run m1: not ended; you may not read its lease"), "{long}");
    let standin = Standin::with_set();
    record(&standin, &plan, "running", [steps_until(&plan, is_warm_copy), vec![halted()]].concat());
    let (short, long) = told(&standin, "m1");
    assert_eq!(short, "halted");
    assert!(long.contains("run m1: halted: interrupted\n"), "{long}");
}

#[test]
fn that_the_app_is_down_is_said_wherever_a_run_is_shown() {
    let plan = plan("m1");
    let standin = Standin::with_set();
    let entries = record(&standin, &plan, "running", [steps_until(&plan, is_drain), vec![halted()]].concat());
    let since = down_since(&plan, &entries).expect("it is down").to_owned();
    let (short, long) = told(&standin, "m1");
    assert!(short.contains(&format!("halted, THE APP IS DOWN, or not ready, since {since}")), "{short}");
    assert!(long.contains(&format!("THE APP IS DOWN, or not ready, since {since}\n")), "{long}");
}

/// By every beginning of a run: from the order to stop until the app is seen to be ready, and not once it was started on its source.
#[test]
fn the_outage_is_folded_from_the_journal() {
    let plan = plan("m1");
    let entries = chain(&plan, completed(&plan));
    let at = |wanted: fn(&Step) -> bool, is_intent: bool| {
        let is = |id: &StepId| plan.step(id).is_some_and(|planned| wanted(&planned.step));
        let found = entries.iter().position(|entry| match &entry.event {
            Event::Intent { step } => is_intent && is(step),
            Event::Settled { step, .. } => !is_intent && is(step),
            _ => false,
        });
        found.expect("it is there")
    };
    let (stopped, started) = (at(is_drain, true), at(|step| matches!(step, Step::AwaitReady(_)), false));
    for end in 0..=entries.len() {
        let expected = (stopped + 1..=started).contains(&end).then(|| entries[stopped].at.as_str());
        assert_eq!(down_since(&plan, &entries[..end]), expected, "{end}");
    }
    let drain = plan.steps().find(|(_, planned)| is_drain(&planned.step)).map(|(_, planned)| planned.id.clone()).expect("a drain");
    let back = Event::Opened { executor: "me".to_owned(), back: true, plan: plan.digest() };
    let down = [steps_until(&plan, is_drain), vec![halted(), back, Event::UndoIntent { step: drain.clone() }]].concat();
    let entries = chain(&plan, down.clone());
    assert_eq!(
        down_since(&plan, &entries),
        Some(entries[stopped].at.as_str()),
        "taken up by another executor it is down since the same time"
    );
    let up = chain(&plan, [down, vec![Event::Undone { step: drain }]].concat());
    assert_eq!(down_since(&plan, &up), None);
}

/// A plan file in the stand-in's folder.
fn plan_file(standin: &Standin, plan: &Plan) -> PathBuf {
    let path = standin.file("plan.yaml");
    std::fs::write(&path, file::to_yaml(plan)).expect("there is room");
    path
}

#[test]
fn a_plan_whose_run_was_begun_before_is_not_begun_again() {
    let plan = plan("m1");
    let cases: [(&str, Vec<Event>, i32, &str); 3] = [
        ("running", steps_until(&plan, is_drain), 4, "run `m1` of this plan has begun and not ended"),
        ("completed", completed(&plan), 0, "Nothing to do: run m1 of this plan has completed"),
        (
            "undone",
            vec![Event::Opened { executor: "me".to_owned(), back: true, plan: plan.digest() }, Event::Ended { outcome: Outcome::Undone }],
            4,
            "run `m1` of this plan was carried out and taken back",
        ),
    ];
    for (label, events, code, said) in cases {
        let standin = Standin::with_set();
        record(&standin, &plan, label, events);
        let path = plan_file(&standin, &plan);
        let came = standin.run(&["execute", path.to_str().expect("UTF-8"), "-y"]);
        assert_eq!(came.code, Some(code), "{label}: {}", came.err);
        assert!(came.err.contains(said), "{label}: {}", came.err);
        assert!(!came.err.contains("`kubectl stateful") || came.err.contains("m1 -n db`"), "{}", came.err);
    }
}

#[test]
fn a_name_that_is_taken_is_noticed_before_anything_else() {
    let standin = Standin::with_set();
    let first = plan("m1");
    record(&standin, &first, "completed", completed(&first));
    let cases: [&[&str]; 2] = [
        &["plan", "sts/pg", "--to-storage-class", "fast", "--run", "m1"],
        &["execute", "sts/pg", "--to-storage-class", "fast", "--run", "m1", "-y"],
    ];
    for args in cases {
        let came = standin.run(args);
        assert_eq!(came.code, Some(4), "{args:?}: {}", came.err);
        assert!(came.err.contains("the name `m1` is taken") && came.err.contains("`kubectl stateful status m1 -n db`"), "{}", came.err);
    }
    let mut other = plan("m1");
    other.notes.push("another".to_owned());
    let path = plan_file(&standin, &other);
    let came = standin.run(&["execute", path.to_str().expect("UTF-8"), "-y"]);
    assert_eq!(came.code, Some(4), "{}", came.err);
    assert!(came.err.contains("the name `m1` is taken"), "{}", came.err);
}

#[test]
fn the_movers_of_a_run_are_not_for_anybody_to_stop() {
    let standin = Standin::with_set();
    let other = plan("m0");
    record(&standin, &other, "running", steps_until(&other, is_warm_copy));
    let mover = |name: &str| {
        let volume = json!([{ "name": "source-c0", "persistentVolumeClaim": { "claimName": "data-pg-0" } }]);
        let pod = json!({ "metadata": { "name": name, "namespace": "db", "uid": name }, "spec": { "nodeName": "n1", "volumes": volume }, "status": { "phase": "Running" } });
        standin.put(&format!("/api/v1/namespaces/db/pods/{name}"), pod);
    };
    mover("stateful-m0-0");
    let came = standin.run(&["plan", "sts/pg", "--to-storage-class", "fast"]);
    assert_eq!(came.code, Some(4), "{}", came.err);
    assert!(came.err.contains("run `m0` on this app is not finished"), "{}", came.err);
    assert!(!came.err.contains("stop it first"), "{}", came.err);
    let came = standin.run(&["verify", "pvc/data-pg-0", "pvc/other"]);
    assert!(came.err.contains("there is no pvc/other"), "{}", came.err);
    // Of a run that is not recorded it is a pod as any other.
    mover("stateful-m7-0");
    let came = standin.run(&["plan", "sts/pg", "--to-storage-class", "fast"]);
    assert!(came.err.contains("mounted by pod `stateful-m7-0`"), "{}", came.err);
}

/// The label is written after the end, and may be missing.
#[test]
fn a_run_that_has_ended_blocks_nobody_whatever_its_label_says() {
    let standin = Standin::with_set();
    let other = plan("m0");
    record(&standin, &other, "running", completed(&other));
    let came = standin.run(&["plan", "sts/pg", "--to-storage-class", "fast"]);
    assert_eq!(came.code, Some(0), "{}", came.err);
    assert_eq!(told(&standin, "m0").0, "completed");
}

/// A stand-in with a run that has completed, and one that takes the app back.
fn taken_back(events: fn(&Plan) -> Vec<Event>) -> (Standin, Plan) {
    let standin = Standin::with_set();
    let first = plan("m1");
    let back = crate::planner::back_to_first_volume();
    record(&standin, &first, "completed", completed(&first));
    record(&standin, &back, "running", events(&back));
    let volume = |name: &str, role: &str, digest: &str, plan: &Plan| {
        let (labels, annotations) =
            (marks::of_volume("db", back.run(), role, "c0"), json!({ digest: back.digest(), marks::PLAN: plan.digest() }));
        let volume = json!({ "metadata": { "name": name, "uid": format!("uid-{name}"), "labels": labels, "annotations": annotations },
            "status": { "phase": "Bound" }, "spec": { "persistentVolumeReclaimPolicy": "Retain", "claimRef": { "namespace": "db", "name": "x", "uid": "y" } } });
        standin.put(&format!("/api/v1/persistentvolumes/{name}"), volume);
    };
    volume("pv-data-pg-0", marks::ROLE_TARGET, marks::TARGET_PLAN, &first);
    (standin, first)
}

#[test]
fn an_undo_that_was_killed_is_gone_on_with() {
    let (standin, _) = taken_back(|back| steps_until(back, is_drain));
    let came = standin.run(&["undo", "m1", "-y"]);
    assert!(came.err.contains("Run m1 is being undone by run m2, which has not ended. This command goes on with run m2."), "{}", came.err);
    assert!(came.err.contains("Going on with statefulset/pg in namespace db (run m2;"), "{}", came.err);
    assert!(!came.err.contains("not kept any more"), "{}", came.err);
    let came = standin.run(&["execute", "--resume", "m1", "-y"]);
    assert_eq!(came.code, Some(4), "{}{}", came.out, came.err);
    assert!(!came.out.contains("moved"), "{}", came.out);
    assert!(
        came.err.contains("run `m1` was completed, and run `m2` takes the app back; THE APP IS DOWN, or not ready, since"),
        "{}",
        came.err
    );
    assert!(came.err.contains("`kubectl stateful execute --resume m2 -n db`"), "{}", came.err);
    let (_, long) = told(&standin, "m1");
    assert!(long.contains("run m1: completed; run m2 takes the app back and has not ended\n"), "{long}");
}

#[test]
fn a_run_that_was_taken_back_after_its_end_says_so_everywhere() {
    let (standin, first) = taken_back(completed);
    let came = standin.run(&["undo", "m1", "-y"]);
    assert_eq!(came.code, Some(0), "{}", came.err);
    assert!(came.err.contains("Nothing to do: run m1 was undone by run m2."), "{}", came.err);
    let came = standin.run(&["execute", "--resume", "m1", "-y"]);
    assert_eq!(came.code, Some(4), "{}", came.err);
    assert!(!came.out.contains("moved"), "{}", came.out);
    // As the way back leaves it.
    record(&standin, &first, "undone", completed(&first));
    let (short, long) = told(&standin, "m1");
    assert_eq!(short, "undone");
    assert!(long.contains("run m1: completed, then undone by run m2\n"), "{long}");
}

#[test]
fn options_that_would_have_no_effect_are_refused_by_name() {
    let standin = Standin::with_set();
    let path = plan_file(&standin, &plan("m1"));
    let path = path.to_str().expect("UTF-8");
    let shaping: [(&str, Option<&str>); 12] = [
        ("--size", Some("3Gi")),
        ("--claim", Some("data-pg-0")),
        ("--skip-claim", Some("data-pg-0")),
        ("--run", Some("m9")),
        ("--max-last-pass", Some("2")),
        ("--insist", None),
        ("--bandwidth-limit", Some("1Mi")),
        ("--throttle", None),
        ("--copy-timeout", Some("24h")),
        ("--ready-timeout", Some("10m")),
        ("--start-timeout", Some("5m")),
        ("--stop-timeout", Some("2m")),
    ];
    for (option, value) in shaping {
        for beside in [&[path][..], &["--resume", "m1"]] {
            let args = [&["execute", "-y"], beside, &[option], value.as_slice()].concat();
            let came = standin.run(&args);
            assert_eq!(came.code, Some(1), "{args:?}");
            assert!(came.err.contains(&format!("`{option}` has no effect beside")), "{args:?}: {}", came.err);
        }
    }
    for (more, said) in [
        (&["--to-storage-class", "slow"][..], "`--to-storage-class` has no effect beside plan file"),
        (&["-l", "app=pg"], "`--selector` has no effect beside plan file"),
        (&["-n", "other"], "the plan is for namespace `db`, and `--namespace other` names another one"),
    ] {
        let came = standin.run(&[&["execute", "-y", path], more].concat());
        assert_eq!(came.code, Some(1), "{more:?}");
        assert!(came.err.contains(said), "{more:?}: {}", came.err);
    }
    let came = standin.run(&["execute", "sts/pg", "--to-storage-class", "fast", "--plan-digest", "x", "-y"]);
    assert_eq!(came.code, Some(1));
    assert!(came.err.contains("`--plan-digest` has no effect"), "{}", came.err);
    let asked = standin.asked();
    assert!(!asked.iter().any(|path| path.contains("persistentvolume")), "they are refused before the cluster is surveyed: {asked:?}");
}

/// Nothing of a run is written by any of these commands.
#[test]
fn to_look_changes_nothing() {
    let plan = plan("m1");
    let standin = Standin::with_set();
    record(&standin, &plan, "running", steps_until(&plan, is_drain));
    let before: Value = json!(standin.writes());
    told(&standin, "m1");
    assert_eq!(json!(standin.writes()), before);
}
