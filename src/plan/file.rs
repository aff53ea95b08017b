//! Plans as text: YAML or JSON out, either in. The version is looked at before anything else: a plan of a newer tool is refused by name and
//! not by its first unknown field, and one of an older tool is read as what it is today. The digest of a plan is that of its text.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::{API_VERSION, AsWritten, KIND, Plan, check, upgrade};

/// Why a text is not a plan that can be carried out.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// It is neither YAML nor JSON, or a field is missing.
    #[error("not a plan: {0}")]
    Syntax(String),
    /// It is something else.
    #[error("not a plan: its kind is `{0}`")]
    Kind(String),
    /// It was made by a newer version of this tool.
    #[error("the plan has version `{found}`; this tool reads `{API_VERSION}` and `{}`", upgrade::API_VERSION)]
    Version {
        /// Its version.
        found: String,
    },
    /// It was changed, or made, by hand into something that could lose data or reaches beyond its app.
    #[error("the plan is not safe to carry out: {}", first(.0))]
    Unsafe(Vec<String>),
}

/// At most so many faults of a plan are told: a forged one has dozens.
const FAULTS_TOLD_MAX: usize = 3;

fn first(faults: &[String]) -> String {
    let told = faults[..faults.len().min(FAULTS_TOLD_MAX)].join("; ");
    match faults.len().saturating_sub(FAULTS_TOLD_MAX) {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
}

/// Bytes of a plan in one ConfigMap of a run's records; the API server refuses objects over 1 MiB.
pub const PIECE_BYTES_MAX: usize = 512 * 1024;

/// Entries of a run's journal in one ConfigMap, after which another one is begun. An append is never divided, so that there can be more.
pub const PIECE_ENTRIES_MAX: usize = 64;

/// Reads a plan and lints it.
///
/// # Errors
///
/// See [`Unreadable`].
pub fn read(text: &str) -> Result<Plan, Unreadable> {
    let plan = as_written(text).map_or_else(|| as_found(text), Ok)?;
    let faults = check::faults(&plan);
    if faults.is_empty() { Ok(plan) } else { Err(Unreadable::Unsafe(faults)) }
}

/// What we wrote as JSON, to the letter, is read many times faster than as YAML. A key given twice, for one, would not come out again.
fn as_written(text: &str) -> Option<Plan> {
    let plan: Plan = serde_json::from_str(text).ok()?;
    (plan.kind == KIND && plan.api_version == API_VERSION && to_json(&plan) == text).then_some(plan)
}

fn as_found(text: &str) -> Result<Plan, Unreadable> {
    let syntax = |error: serde_saphyr::Error| Unreadable::Syntax(first_line(&error.to_string()));
    let head: Head = serde_saphyr::from_str(text).map_err(syntax)?;
    if head.kind != KIND {
        return Err(Unreadable::Kind(head.kind));
    }
    match head.api_version.as_str() {
        API_VERSION => serde_saphyr::from_str(text).map_err(syntax),
        upgrade::API_VERSION => of_version_1(text),
        _ => Err(Unreadable::Version { found: head.api_version }),
    }
}

/// A plan of version 1. As JSON its text is kept: a run that was begun from it has its digest on volumes.
fn of_version_1(text: &str) -> Result<Plan, Unreadable> {
    let syntax = |error: serde_saphyr::Error| Unreadable::Syntax(first_line(&error.to_string()));
    let (found, as_written) = match serde_json::from_str::<Value>(text) {
        Ok(found) => (found, AsWritten::of(text)),
        Err(_) => (serde_saphyr::from_str(text).map_err(syntax)?, AsWritten::default()),
    };
    let found = upgrade::from_version_1(found).map_err(Unreadable::Unsafe)?;
    let plan: Plan = serde_json::from_value(found).map_err(|error| Unreadable::Syntax(error.to_string()))?;
    Ok(Plan { as_written, ..plan })
}

/// Writes a plan as YAML.
pub fn to_yaml(plan: &Plan) -> String {
    serde_saphyr::to_string(plan).expect("a plan has only string keys and finite numbers")
}

/// Writes a plan as JSON.
pub fn to_json(plan: &Plan) -> String {
    serde_json::to_string_pretty(plan).expect("a plan has only string keys and finite numbers")
}

impl Plan {
    /// Returns the text by which a run's records hold the plan: JSON, and as it was written where that was by an earlier version.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.as_written.text().map_or_else(|| Cow::Owned(to_json(self)), Cow::Borrowed)
    }

    /// Returns the BLAKE3 of [`Plan::text`], in hexadecimal. The volumes that a run pins bear it, where only who administers storage can write:
    /// by it a plan that is read back is known to be the one that was carried out.
    #[must_use]
    pub fn digest(&self) -> String {
        blake3::hash(self.text().as_bytes()).to_hex().to_string()
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
