//! One piece of a stored journal: its name, its entries as lines, and the annotations by which an end that was cut off shows.
//!
//! It is a matter of text only: nothing here asks the cluster.

use serde_json::{Map, Value, json};

use super::event::{Entry, VERSION};
use super::failure::{JournalError, broken};
use crate::plan::RunId;

/// Reads a piece that comes after these entries.
pub(super) fn read(namespace: &str, run: &RunId, before: &[Entry], piece: &Value) -> Result<Vec<Entry>, JournalError> {
    let none = Map::new();
    let data = piece["data"].as_object().unwrap_or(&none);
    let mut lines: Vec<(&String, &Value)> = data.iter().collect();
    lines.sort_by_key(|(key, _)| key.as_str());
    let entries: Vec<Entry> = lines
        .into_iter()
        .map(|(key, line)| {
            let line = line.as_str().unwrap_or_default();
            refuse_newer(run, key, line)?;
            let entry: Entry = serde_json::from_str(line).map_err(|error| broken(namespace, run, &format!("entry {key}: {error}")))?;
            if key != &self::key(entry.sequence) {
                return Err(broken(namespace, run, &format!("entry {key} calls itself {}", entry.sequence)));
            }
            Ok(entry)
        })
        .collect::<Result<_, _>>()?;
    // The first piece is made with its first entry. Were one without any believed, so would be a run that had not done what it had.
    if entries.is_empty() && before.is_empty() {
        return Err(broken(namespace, run, "it has no entries"));
    }
    let is_head = |entry: &Entry| piece["metadata"]["annotations"][HEAD].as_str() == Some(head_of(entry).as_str());
    if !entries.last().map_or_else(|| before.iter().rev().any(is_head), is_head) {
        return Err(broken(namespace, run, "its last entries are missing"));
    }
    Ok(entries)
}

/// The version before all else: a newer one may tell of what this one has no words for.
fn refuse_newer(run: &RunId, key: &str, line: &str) -> Result<(), JournalError> {
    #[derive(serde::Deserialize)]
    struct Head {
        version: u32,
    }
    match serde_json::from_str(line) {
        Ok(Head { version }) if version > VERSION => {
            Err(JournalError::Newer { run: run.clone(), what: format!("entry {key} has version {version}; this tool reads {VERSION}") })
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The annotation that says which entry of a piece is the last: the chain alone would not show that the end was cut off. A piece that has no
/// entries yet names one of those before it.
const HEAD: &str = "kubectl-stateful.dev/head";

/// The annotation of a piece that another one follows.
pub(super) const IS_FOLLOWED: &str = "kubectl-stateful.dev/followed";

pub(super) fn annotations(last: &Entry, is_followed: bool) -> Value {
    match is_followed {
        true => json!({ HEAD: head_of(last), IS_FOLLOWED: "true" }),
        false => json!({ HEAD: head_of(last) }),
    }
}

pub(super) fn is_empty(piece: &Value) -> bool {
    piece["data"].as_object().is_none_or(Map::is_empty)
}

pub(super) fn version_of(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().unwrap_or_default()
}

fn head_of(entry: &Entry) -> String {
    format!("{}:{}", entry.sequence, entry.digest())
}

pub(super) fn data_of(entries: &[Entry]) -> impl Iterator<Item = (String, Value)> {
    let text = |entry| serde_json::to_string(entry).expect("an entry has only string keys");
    entries.iter().map(move |entry| (key(entry.sequence), Value::String(text(entry))))
}

fn key(sequence: u64) -> String {
    format!("{sequence:08}")
}

pub(super) fn name(run: &RunId, number: usize) -> String {
    format!("stateful-{run}-journal-{number}")
}
