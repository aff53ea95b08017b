//! What a name may be, whoever wrote it, and how names of ours are made. Names get into paths, selectors and commands to paste; they are
//! looked at before any of that.

use serde::{Deserialize, Serialize};

/// The name of a run: lower-case letters, digits and `-`, at most 20 characters. Read from anywhere only if it is one: it becomes part of
/// names, selectors and commands to paste.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(pub String);

impl TryFrom<String> for RunId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if is_run(&text) { Ok(Self(text)) } else { Err("a run's name is 1 to 20 lower-case letters, digits and dashes".to_owned()) }
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.0
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The short name of one moved claim within a run, such as `c0`: in steps, receipts and labels of ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(pub String);

impl std::fmt::Display for Slot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The name of a step, unique in its plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub String);

impl std::fmt::Display for StepId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The name of the claim that holds a target volume until the claim's own name is free.
#[must_use]
pub fn staging_name(claim: &str, run: &RunId) -> String {
    format!("{claim}-{run}")
}

/// The run whose mover pod would be called so. Anybody can call a pod so.
#[must_use]
pub fn run_of_mover(pod: &str) -> Option<RunId> {
    let rest = pod.strip_prefix("stateful-")?;
    let rest = rest.strip_suffix("-source").or_else(|| rest.strip_suffix("-target")).unwrap_or(rest);
    let (run, unit) = rest.rsplit_once('-')?;
    let is_number = !unit.is_empty() && unit.chars().all(|one| one.is_ascii_digit());
    RunId::try_from(run.to_owned()).ok().filter(|_| is_number)
}

/// Whether a text is the name of an object (RFC 1123 subdomain, as Kubernetes wants for claims, pods, volumes and sets).
#[must_use]
pub fn is_object(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label_of_any_length)
}

/// Whether a text is the name of a namespace (RFC 1123 label).
#[must_use]
pub fn is_namespace(text: &str) -> bool {
    text.len() <= 63 && is_label_of_any_length(text)
}

fn is_label_of_any_length(text: &str) -> bool {
    let fits = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-';
    !text.is_empty() && text.chars().all(fits) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether a text is the name of a run.
pub(super) fn is_run(text: &str) -> bool {
    text.len() <= 20 && is_label_of_any_length(text) && text.starts_with(|one: char| one.is_ascii_lowercase())
}

/// Whether a text is one that the product makes for itself (a step's id, a slot): printable, without a blank, and not long.
pub(super) fn is_own(text: &str) -> bool {
    !text.is_empty() && text.len() <= 400 && text.chars().all(|one| one.is_ascii_graphic())
}

/// The config map that holds a piece of a run's plan. By the first of them the run is found.
pub fn plan_record(run: &RunId, piece: usize) -> String {
    format!("stateful-{run}-plan-{piece}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_kubernetes_takes_are_names() {
        for good in ["a", "data-pg-0", "pvc-1.2", "0", &"a".repeat(253)] {
            assert!(is_object(good), "{good}");
        }
        for bad in ["", "A", "a/b", "a?b", "a_b", "-a", "a-", "a..b", "x/secrets?y=", "a b", &"a".repeat(254)] {
            assert!(!is_object(bad), "{bad}");
        }
        assert!(is_namespace("db") && !is_namespace("a.b") && !is_namespace(&"a".repeat(64)));
    }

    #[test]
    fn a_mover_is_known_by_its_name() {
        for (pod, run) in [("stateful-m1-0", "m1"), ("stateful-my-run-12-source", "my-run"), ("stateful-m1-3-target", "m1")] {
            assert_eq!(run_of_mover(pod).map(|run| run.0).as_deref(), Some(run), "{pod}");
        }
        for other in ["pg-0", "stateful-0", "stateful-verify-m1abcde", "stateful-m1-", "stateful-M1-0", "stateful-m1-x"] {
            assert_eq!(run_of_mover(other), None, "{other}");
        }
    }

    #[test]
    fn a_run_is_named_so_that_its_name_can_be_pasted() {
        for good in ["a", "m1", "my-run", "abcdefghijklmnopqrst"] {
            assert!(is_run(good), "{good}");
        }
        for bad in ["", "1a", "-a", "a-", "A", "a_b", "abcdefghijklmnopqrstu", "x; curl e", "a\u{1b}[8m"] {
            assert!(!is_run(bad), "{bad}");
        }
    }
}
