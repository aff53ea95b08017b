//! Surveys as text, for bug reports and for tests: YAML out, YAML or JSON in. The version is looked at before anything else.
//!
//! What is written was gone through by [`telling`](super::telling) first. A plan that is made from such a file shows what would be planned
//! there. It is not for execution: what was left out would be missing in the objects that are made again.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Survey, telling};

/// `apiVersion` of a survey file. A field that changes its meaning makes a new version; fields that are added do not.
pub const API_VERSION: &str = "kubectl-stateful.dev/v1";

/// `kind` of a survey file.
pub const KIND: &str = "Survey";

/// A survey with where it comes from. Fields that this version does not know are passed over: they are facts that it does not ask about.
/// Facts that an earlier version did not note read as not seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// See [`API_VERSION`].
    pub api_version: String,
    /// See [`KIND`].
    pub kind: String,
    /// When the cluster was looked at (RFC 3339, UTC); empty where nobody looked.
    #[serde(default)]
    pub made_at: String,
    /// The version of this tool that looked; empty where none did.
    #[serde(default)]
    pub made_by: String,
    /// What was seen.
    pub survey: Survey,
}

/// Why a text is not a survey.
#[derive(Debug, Error)]
pub enum SurveyFileError {
    /// It is neither YAML nor JSON, or a field is missing.
    #[error("not a survey: {0}")]
    Syntax(String),
    /// It is something else.
    #[error("not a survey: its kind is `{0}`")]
    Kind(String),
    /// It was made by a newer version of this tool.
    #[error("the survey has version `{found}`; this tool reads `{API_VERSION}`")]
    Version {
        /// Its version.
        found: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
}

/// Reads a survey.
///
/// # Errors
///
/// See [`SurveyFileError`].
pub fn read(text: &str) -> Result<Document, SurveyFileError> {
    let syntax = |error: serde_saphyr::Error| SurveyFileError::Syntax(error.to_string().lines().next().unwrap_or_default().to_owned());
    let head: Head = serde_saphyr::from_str(text).map_err(syntax)?;
    if head.kind != KIND {
        return Err(SurveyFileError::Kind(head.kind));
    }
    if head.api_version != API_VERSION {
        return Err(SurveyFileError::Version { found: head.api_version });
    }
    serde_saphyr::from_str(text).map_err(syntax)
}

/// Writes a survey as YAML, without what may be secret.
pub fn to_yaml(survey: &Survey, made_at: &str, made_by: &str) -> String {
    let told = serde_json::json!({
        "apiVersion": API_VERSION, "kind": KIND, "madeAt": made_at, "madeBy": made_by, "survey": telling::told(survey),
    });
    serde_saphyr::to_string(&told).expect("it has only string keys and finite numbers")
}
