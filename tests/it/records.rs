//! Records of runs as versions of this tool wrote them, which every later one reads: config maps of runs that completed, halted and went
//! back. A file is never changed; a new version gets files of its own.

use kubectl_stateful::cluster::Connection;
use kubectl_stateful::journal::{Journal, JournalError, Outcome, RunState, stored_plan};
use kubectl_stateful::operate::exit::ExitClass;
use kubectl_stateful::operate::failure::CommandError;
use kubectl_stateful::plan::RunId;
use serde_json::{Value, json};

use crate::taking::server_of;

/// What a run came to.
#[derive(Debug, PartialEq, Eq)]
enum RunEnding {
    Completed,
    Halted,
    Undone,
}

const RECORDS: [(&str, RunEnding, &str); 6] = [
    ("journal-v1-completed", RunEnding::Completed, include_str!("fixtures/journal-v1-completed.json")),
    ("journal-v1-halted", RunEnding::Halted, include_str!("fixtures/journal-v1-halted.json")),
    ("journal-v1-undone", RunEnding::Undone, include_str!("fixtures/journal-v1-undone.json")),
    ("journal-v2-completed", RunEnding::Completed, include_str!("fixtures/journal-v2-completed.json")),
    ("journal-v2-halted", RunEnding::Halted, include_str!("fixtures/journal-v2-halted.json")),
    ("journal-v2-undone", RunEnding::Undone, include_str!("fixtures/journal-v2-undone.json")),
];

fn run() -> RunId {
    RunId("m1".to_owned())
}

fn config_maps(text: &str) -> Vec<Value> {
    let list: Value = serde_json::from_str(text).expect("JSON");
    list["items"].as_array().expect("a list").clone()
}

fn connect(records: Vec<Value>) -> Connection {
    server_of("app", records)
}

fn came(state: &RunState) -> Option<RunEnding> {
    match (state.outcome, &state.halted) {
        (Some(Outcome::Completed), _) => Some(RunEnding::Completed),
        (Some(Outcome::Undone), _) => Some(RunEnding::Undone),
        (None, Some(_)) => Some(RunEnding::Halted),
        (None, None) => None,
    }
}

#[tokio::test]
async fn what_earlier_versions_wrote_is_read() {
    for (name, expected, text) in RECORDS {
        let connection = connect(config_maps(text));
        let plan = stored_plan::read(&connection, "app", &run()).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let journal = Journal::open(&connection, "app", &run()).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(came(journal.state()), Some(expected), "{name}");
        let version = if name.contains("-v1-") { 1 } else { 2 };
        let entries = Journal::entries(&connection, "app", &run()).await.expect("it was read just now");
        assert!(entries.iter().all(|entry| entry.version == version), "{name}");
        // Each step it tells of is one of its plan.
        for (step, _) in journal.state().steps() {
            assert!(plan.step(step).is_some(), "{name}: {step}");
        }
        if version == 2 {
            assert_eq!(journal.state().plan, plan.digest(), "{name}");
        }
    }
}

/// The records with one text of their data changed.
fn changed(piece: &str, change: impl Fn(&str) -> String) -> Vec<Value> {
    let mut records = config_maps(RECORDS[3].2);
    let record = records.iter_mut().find(|record| record["metadata"]["name"].as_str().is_some_and(|name| name.contains(piece)));
    let data = record.expect("it is there")["data"].as_object_mut().expect("data");
    for text in data.values_mut() {
        *text = json!(change(text.as_str().expect("a text")));
    }
    records
}

fn is_newer(error: JournalError, found: &str) {
    let text = error.to_string();
    assert!(matches!(error, JournalError::Newer { .. }), "{text}");
    assert!(text.contains(found), "{text}");
    let error = CommandError::from(error);
    assert_eq!(error.class, ExitClass::Error);
    assert!(error.faults[0].hints[0].contains("use the version of kubectl-stateful that began"), "{:?}", error.faults);
}

/// By its name, also where it tells of events that this version has never heard of.
#[tokio::test]
async fn what_a_later_version_wrote_is_refused_by_name() {
    let newer = changed("-journal-0", |line| line.replace("\"version\":2", "\"version\":99").replace("\"intent\"", "\"foreseen\""));
    let error = Journal::open(&connect(newer), "app", &run()).await.err().expect("it is not for this version");
    is_newer(error, "99");
    let newer = changed("-plan-0", |text| text.replace("kubectl-stateful.dev/v1\"", "kubectl-stateful.dev/v3\""));
    let error = stored_plan::read(&connect(newer), "app", &run()).await.expect_err("it is not for this version");
    is_newer(error, "kubectl-stateful.dev/v3");
}
