//! Plans as text: YAML or JSON out, either in. The version is looked at before anything else, so that a plan of a newer tool is refused by
//! name. One of an older tool is read as what it is today. The digest of a plan is that of its text.

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
    /// It says something that this version has no word for.
    #[error("the plan has a field that this tool does not know: {0}")]
    Field(String),
    /// It is something else.
    #[error("not a plan: its kind is `{0}`")]
    Kind(String),
    /// It was made by a newer version of this tool.
    #[error("the plan has version `{found}`; this tool reads `{API_VERSION}` and `{}`", upgrade::VERSION_1)]
    Version {
        /// Its version.
        found: String,
    },
    /// It was changed, or made, by hand into something that could lose data or reaches beyond its app.
    #[error("the plan is not safe to carry out: {}", first(.0))]
    Unsafe(Vec<String>),
}

impl Unreadable {
    /// What a reader of YAML or JSON has against a text.
    fn of(error: &str) -> Self {
        let first = error.lines().next().unwrap_or_default().to_owned();
        // Serde's own words (`serde::de::Error::unknown_field`), whichever reader it is.
        if first.contains("unknown field") { Self::Field(first) } else { Self::Syntax(first) }
    }
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

/// Reads a plan from a file and lints it.
///
/// # Errors
///
/// See [`Unreadable`].
pub fn read(text: &str) -> Result<Plan, Unreadable> {
    linted(verbatim(text).map_or_else(|| as_found(text), Ok)?)
}

/// Reads a plan from the records of a run and lints it. One of an earlier version keeps its text: the run's volumes bear the digest of that.
///
/// # Errors
///
/// See [`Unreadable`].
pub fn read_record(text: &str) -> Result<Plan, Unreadable> {
    if let Some(plan) = verbatim(text) {
        return linted(plan);
    }
    linted(match serde_json::from_str::<Value>(text) {
        Ok(found) if found["kind"] == KIND && found["apiVersion"] == upgrade::VERSION_1 => {
            Plan { as_written: AsWritten::of(text), ..of_version_1(found)? }
        }
        Ok(_) | Err(_) => as_found(text)?,
    })
}

fn linted(plan: Plan) -> Result<Plan, Unreadable> {
    let faults = check::faults(&plan);
    if faults.is_empty() { Ok(plan) } else { Err(Unreadable::Unsafe(faults)) }
}

/// What this version wrote as JSON, to the letter. That is read many times faster than as YAML. A key given twice would not come out again.
fn verbatim(text: &str) -> Option<Plan> {
    let plan: Plan = serde_json::from_str(text).ok()?;
    (plan.kind == KIND && plan.api_version == API_VERSION && to_json(&plan) == text).then_some(plan)
}

fn as_found(text: &str) -> Result<Plan, Unreadable> {
    let wrong = |error: serde_saphyr::Error| Unreadable::of(&error.to_string());
    let head: Head = serde_saphyr::from_str(text).map_err(wrong)?;
    if head.kind != KIND {
        return Err(Unreadable::Kind(head.kind));
    }
    match head.api_version.as_str() {
        API_VERSION => serde_saphyr::from_str(text).map_err(wrong),
        upgrade::VERSION_1 => of_version_1(serde_saphyr::from_str(text).map_err(wrong)?),
        _ => Err(Unreadable::Version { found: head.api_version }),
    }
}

fn of_version_1(found: Value) -> Result<Plan, Unreadable> {
    let found = upgrade::from_version_1(found).map_err(Unreadable::Unsafe)?;
    serde_json::from_value(found).map_err(|error| Unreadable::of(&error.to_string()))
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
    /// Returns the text that a run's records hold: JSON, or what an earlier version wrote.
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
