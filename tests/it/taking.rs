//! A plan file and a journal used as the command would, with what must hold of them whatever they are. Shared with `tests/fuzz`.
//!
//! Knows how a journal lies in its ConfigMaps without asking the product; draws nothing by itself.

use std::collections::BTreeSet;

use http::{Request, Response};
use kube::client::Body;
use kubectl_stateful::cluster::Connection;
use kubectl_stateful::journal::event::VERSION;
use kubectl_stateful::journal::{Entry, Event, Evidence, Journal, Outcome, RunState};
use kubectl_stateful::operate::records::{RunPhase, RunStatus};
use kubectl_stateful::plan::{Plan, RunId, StepId, file};
use kubectl_stateful::{planner, words};
use serde_json::{Value, json};

use crate::seen;

/// The plans that damage begins with, each as YAML and as JSON, and some as version 1 wrote them.
pub(crate) fn plan_texts() -> Vec<Vec<u8>> {
    let plan = |survey| planner::plan(&seen::request(), &survey, "https://cluster").expect("it can be planned");
    let plans = [plan(seen::set(1, &["data"])), plan(seen::deployment())];
    let old = [include_str!("fixtures/plan-v1-early.yaml"), include_str!("fixtures/plan-v1-deployment.json")];
    let texts = plans.iter().flat_map(|plan| [file::to_yaml(plan), file::to_json(plan)]).chain(old.map(str::to_owned));
    texts.map(String::into_bytes).collect()
}

/// Uses a text as `execute FILE` would, and as one in a run's records; returns whether it was taken.
pub(crate) fn take_plan(text: &str) -> bool {
    if let Ok(plan) = file::read_record(text) {
        assert_eq!(file::read_record(&plan.text()).expect("its own words").digest(), plan.digest());
    }
    let Ok(plan) = file::read(text) else { return false };
    for again in [file::to_yaml(&plan), file::to_json(&plan)] {
        assert_eq!(file::read(&again).expect("its own words"), plan);
    }
    use_plan(&plan);
    true
}

/// What becomes of a plan before the cluster is changed: it is shown, and made again from what it was made from.
fn use_plan(plan: &Plan) {
    let survey = if plan.app.name == "pg" { seen::set(1, &["data"]) } else { seen::deployment() };
    drop(words::plan_text(plan, &survey));
    let look = RunStatus { phase: RunPhase::NotBegun, is_back: false, down_since: None, back_by: None };
    drop(words::status_text(plan, &RunState::default(), &[], &look));
    // Made or refused; both are fine.
    drop(planner::plan(&plan.request, &survey, "https://cluster"));
}

/// A text with something else in the place of a part of it. What is outside of the text is brought within.
pub(crate) fn spliced(text: &[u8], at: usize, gone: usize, instead: &[u8]) -> Vec<u8> {
    let at = at % (text.len() + 1);
    let rest = (at + gone).min(text.len());
    [&text[..at], instead, &text[rest..]].concat()
}

/// Values that fields hardly ever have.
pub(crate) fn odd_values() -> [Value; 6] {
    [json!(u64::MAX), json!(0), json!(""), json!("\u{85}- #\t"), json!([]), Value::Null]
}

/// How many leaves a document in JSON has.
pub(crate) fn count_leaves(text: &[u8]) -> usize {
    let mut document: Value = serde_json::from_slice(text).expect("JSON");
    let mut leaves = Vec::new();
    find_leaves(&mut document, &mut leaves);
    leaves.len()
}

/// A document in JSON with another value in one of its leaves.
pub(crate) fn with_leaf(text: &[u8], leaf: usize, instead: Value) -> Vec<u8> {
    let mut document: Value = serde_json::from_slice(text).expect("JSON");
    let mut leaves = Vec::new();
    find_leaves(&mut document, &mut leaves);
    let at = leaf % leaves.len();
    *leaves.swap_remove(at) = instead;
    document.to_string().into_bytes()
}

/// All the values of a document that hold no others.
pub(crate) fn find_leaves<'a>(value: &'a mut Value, leaves: &mut Vec<&'a mut Value>) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|field| find_leaves(field, leaves)),
        Value::Array(items) => items.iter_mut().for_each(|item| find_leaves(item, leaves)),
        leaf => leaves.push(leaf),
    }
}

/// A journal of the events that are picked, those left out that cannot follow.
pub(crate) fn journal(picks: &[u8]) -> Vec<Entry> {
    let mut state = RunState::default();
    let mut entries = Vec::new();
    for pick in picks {
        let event = event(pick % 12, StepId(format!("s{}", pick / 12 % 4)));
        let (sequence, before) = (state.sequence + 1, state.last_digest.clone());
        let entry = Entry { version: VERSION, sequence, at: "2026-01-01T00:00:00Z".to_owned(), before, event };
        if let Ok(next) = state.fold(&entry) {
            state = next;
            entries.push(entry);
        }
    }
    entries
}

fn event(kind: u8, step: StepId) -> Event {
    let opened = |back| Event::Opened { executor: "me".to_owned(), back, plan: String::new() };
    match kind {
        0 => opened(false),
        1 => opened(true),
        2 | 3 => Event::Intent { step },
        4 => Event::Settled { step, evidence: Evidence::note("it is there") },
        5 => Event::Found { step, evidence: Evidence::default() },
        6 => Event::Renewed { step },
        7 => Event::Barred { step, why: "the app runs there".to_owned() },
        8 => Event::UndoIntent { step },
        9 => Event::Undone { step },
        10 => Event::Halted { step: Some(step), why: "no space".to_owned() },
        _ => Event::Ended { outcome: Outcome::Completed },
    }
}

/// A ConfigMap with these entries.
pub(crate) fn config_map_of(entries: &[Entry]) -> Value {
    serde_json::from_slice(&piece(entries)).expect("JSON")
}

/// A ConfigMap with these entries, as text.
pub(crate) fn piece(entries: &[Entry]) -> Vec<u8> {
    config_map(entries, json!({ "kubectl-stateful.dev/head": head(entries.last()) }))
}

/// The same, which says that another one follows.
pub(crate) fn followed(entries: &[Entry]) -> Vec<u8> {
    config_map(entries, json!({ "kubectl-stateful.dev/head": head(entries.last()), "kubectl-stateful.dev/followed": "true" }))
}

/// A ConfigMap without entries, which names one as its last.
pub(crate) fn emptied(last: Option<&Entry>) -> Vec<u8> {
    config_map(&[], json!({ "kubectl-stateful.dev/head": head(last) }))
}

fn head(last: Option<&Entry>) -> Option<String> {
    last.map(|last| format!("{}:{}", last.sequence, last.digest()))
}

fn config_map(entries: &[Entry], annotations: Value) -> Vec<u8> {
    let line = |entry: &Entry| (format!("{:08}", entry.sequence), Value::String(serde_json::to_string(entry).expect("JSON")));
    let metadata = json!({ "name": "x", "resourceVersion": "7", "annotations": annotations });
    json!({ "metadata": metadata, "data": entries.iter().map(line).collect::<serde_json::Map<_, _>>() }).to_string().into_bytes()
}

/// Reads a journal from its pieces, as an API server has them; returns its entries if they were believed.
pub(crate) async fn take_journal(pieces: &[Vec<u8>]) -> Option<Vec<Entry>> {
    let pieces = pieces.to_vec();
    let service = tower::service_fn(move |request: Request<Body>| {
        let number = request.uri().path().strip_prefix("/api/v1/namespaces/db/configmaps/stateful-m1-journal-").map(str::parse::<usize>);
        let piece = number.and_then(Result::ok).and_then(|number| pieces.get(number).cloned());
        async move { Ok::<_, std::io::Error>(answer(piece)) }
    });
    let connection = Connection::over(kube::Client::new(service, "db"), "https://cluster");
    let entries = Journal::entries(&connection, "db", &RunId("m1".to_owned())).await.ok()?;
    hold_together(&entries);
    Some(entries)
}

fn answer(piece: Option<Vec<u8>>) -> Response<Body> {
    let missing = || json!({ "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404 }).to_string().into_bytes();
    let status = if piece.is_some() { 200 } else { 404 };
    Response::builder().status(status).body(Body::from(piece.unwrap_or_else(missing))).expect("a plain answer")
}

/// What every journal that is believed is like, told without the fold: nothing missing, begun, ended once, no step done unmeant.
fn hold_together(entries: &[Entry]) {
    let mut before = String::new();
    let mut meant = BTreeSet::new();
    for (entry, sequence) in entries.iter().zip(1..) {
        assert_eq!((entry.sequence, &entry.before), (sequence, &before));
        before = entry.digest();
        match &entry.event {
            Event::Opened { .. } | Event::Barred { .. } | Event::Halted { .. } | Event::Found { .. } | Event::Noted { .. } => {}
            Event::Intent { step } | Event::Renewed { step } | Event::UndoIntent { step } => drop(meant.insert(step)),
            Event::Settled { step, .. } | Event::Undone { step } | Event::Refused { step } => {
                assert!(meant.contains(step), "{step} was never meant")
            }
            Event::Ended { .. } => assert_eq!(sequence, entries.len() as u64, "something follows the end"),
        }
    }
    assert!(entries.first().is_none_or(|first| matches!(first.event, Event::Opened { .. })));
}

/// A server that has these objects, and no volumes. Each is asked for by its namespace and name.
pub(crate) fn server_of(namespace: &str, objects: Vec<Value>) -> Connection {
    let service = tower::service_fn(move |request: Request<Body>| {
        let path = request.uri().path().to_owned();
        let called = |object: &&Value| path.ends_with(&format!("/{}", object["metadata"]["name"].as_str().unwrap_or_default()));
        let found = objects.iter().find(called).map(|object| object.to_string().into_bytes());
        let list = path.ends_with("/persistentvolumes").then(|| json!({ "metadata": {}, "items": [] }).to_string().into_bytes());
        async move { Ok::<_, std::io::Error>(answer(found.or(list))) }
    });
    Connection::over(kube::Client::new(service, namespace), "https://cluster")
}
