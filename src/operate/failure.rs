//! What a command ends with when it does not succeed: a kind with its exit code, one error, and hints.

use crate::cluster::read::{SurveyError, api_hint};
use crate::cluster::{ApiError, ConnectError};
use crate::escape;
use crate::journal::JournalError;
use crate::journal::lease::LeaseError;
use crate::operate::rehearsal::Unready;
use crate::operate::{Distrust, ExecuteError};
use crate::plan::RunId;
use crate::plan::difference::difference;
use crate::plan::file::{self, Unreadable};
use crate::planner::Refusals;

/// The sorts of failure, each with an exit code that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An error, or wrong usage.
    Error,
    /// There are changes; only where that was asked for.
    Changes,
    /// There is nothing to do; only where that was asked for.
    Unchanged,
    /// Refused before anything was changed.
    Refused,
    /// Failed; the app is back on its source.
    RolledBack,
    /// Failed; needs a person.
    Stuck,
    /// Stopped; can be resumed or undone.
    Halted,
    /// Two claims were compared and differ.
    Different,
    /// Interrupted by the user; can be resumed or undone.
    Interrupted,
    /// Told to end by the system; can be resumed or undone.
    Terminated,
}

impl Kind {
    /// The exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Error => 1,
            Self::Changes => 2,
            Self::Unchanged => 3,
            Self::Refused => 4,
            Self::RolledBack => 5,
            Self::Stuck => 6,
            Self::Halted => 7,
            Self::Different => 8,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

/// Why a command did not succeed.
#[derive(Debug)]
pub struct CommandError {
    /// The sort.
    pub kind: Kind,
    /// What happened, each as a sentence fragment with its hint. More than one only for refusals.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub what: String,
    /// What can be done about it.
    pub hints: Vec<String>,
}

impl CommandError {
    /// An error of one fault.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, faults: vec![Fault { what: what.into(), hints: Vec::new() }] }
    }

    /// An end without anything to say, for exit codes that only tell a script something.
    pub fn silent(kind: Kind) -> Self {
        Self { kind, faults: Vec::new() }
    }

    /// Adds a hint to the last fault.
    #[must_use]
    pub fn hinted(mut self, hint: impl Into<String>) -> Self {
        if let Some(fault) = self.faults.last_mut() {
            fault.hints.push(hint.into());
        }
        self
    }

    /// Adds a hint where there is one.
    #[must_use]
    pub fn maybe_hinted(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hinted(hint),
            None => self,
        }
    }
}

/// A hint with a command that people paste; none where a name would be more than a name there.
fn pasted<const N: usize>(names: [&str; N], hint: impl FnOnce([&str; N]) -> String) -> Option<String> {
    names.iter().all(|name| escape::is_word(name)).then(|| hint(names))
}

/// How records are deleted that nobody should have made. Their names were looked at.
fn forget(run: &RunId, namespace: &str) -> String {
    format!(
        "if nobody you trust made these records, delete them: kubectl delete configmap -n {namespace} -l kubectl-stateful.dev/run={run}"
    )
}

fn watch(run: &str, namespace: &str) -> Option<String> {
    pasted([run, namespace], |[run, namespace]| format!("watch it with `kubectl stateful status {run} -n {namespace}`"))
}

impl From<SurveyError> for CommandError {
    fn from(error: SurveyError) -> Self {
        Self::new(Kind::Error, error.to_string()).maybe_hinted(error.hint())
    }
}

impl From<ApiError> for CommandError {
    fn from(error: ApiError) -> Self {
        Self::new(Kind::Error, error.to_string()).maybe_hinted(api_hint(&error))
    }
}

impl From<ConnectError> for CommandError {
    fn from(error: ConnectError) -> Self {
        Self::new(Kind::Error, error.to_string()).hinted("see what kubectl uses with `kubectl config view`")
    }
}

impl From<JournalError> for CommandError {
    fn from(error: JournalError) -> Self {
        let what = error.to_string();
        match error {
            JournalError::NoSuchRun { .. } => Self::new(Kind::Error, what).hinted("see the runs of all namespaces with `kubectl stateful status -A`"),
            JournalError::Gone(_) => Self::new(Kind::Halted, what).hinted("what the run made is labelled `kubectl-stateful.dev/run`"),
            JournalError::Fenced { run, namespace } => Self::new(Kind::Refused, what).maybe_hinted(watch(&run.0, &namespace)),
            JournalError::Broken { run, namespace, .. } => Self::new(Kind::Stuck, what).maybe_hinted(pasted([&run.0, &namespace], |[run, namespace]| {
                format!(
                    "put its ConfigMaps back from a backup, or finish by the plan: kubectl get configmap stateful-{run}-plan-0 -n {namespace} -o jsonpath='{{.data.plan}}'"
                )
            })),
            JournalError::Newer { .. } => {
                Self::new(Kind::Error, what).hinted("use the version of kubectl-stateful that began this run, or a newer one")
            }
            JournalError::Marked { volume, .. } => Self::new(Kind::Refused, what).maybe_hinted(pasted([&volume], |[volume]| {
                format!("see what it is with `kubectl get pv {volume} -o yaml`, and plan with another `--run`")
            })),
            JournalError::Foreign { record, run, namespace, .. } => Self::new(Kind::Refused, format!("refused: {what}")).hinted(format!(
                "this command changed nothing; see who made it: kubectl get configmap {record} -n {namespace} -o yaml --show-managed-fields"
            )).hinted(forget(&run, &namespace)),
            JournalError::Api { error, .. } => Self::new(Kind::Error, what).maybe_hinted(api_hint(&error)),
        }
    }
}

impl From<LeaseError> for CommandError {
    fn from(error: LeaseError) -> Self {
        let what = error.to_string();
        match error {
            LeaseError::Held { run, namespace, .. } => Self::new(Kind::Refused, what).maybe_hinted(watch(&run, &namespace)),
            LeaseError::Lost { .. } | LeaseError::Deleted { .. } => Self::new(Kind::Halted, what),
            LeaseError::Api { error, .. } => Self::new(Kind::Error, what).maybe_hinted(api_hint(&error)),
        }
    }
}

impl From<ExecuteError> for CommandError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Lease(error) => error.into(),
            ExecuteError::Journal(error) => error.into(),
            ExecuteError::Distrust(error) => error.into(),
            ExecuteError::Unready(error) => error.into(),
        }
    }
}

impl From<Unready> for CommandError {
    fn from(error: Unready) -> Self {
        match error {
            Unready::Refused(refusals) => refusals.into(),
            Unready::Unasked(error) => Self::new(Kind::Error, format!("{error}; nothing was changed")),
        }
    }
}

impl From<Distrust> for CommandError {
    fn from(error: Distrust) -> Self {
        let what = format!("refused: {error}");
        let refused = Self::new(Kind::Refused, &what);
        match error {
            Distrust::OtherCluster { .. } => refused.hinted("choose the right one with `--context`, or plan anew"),
            Distrust::Altered { volume, .. } | Distrust::Unmoved { volume, .. } => {
                refused.hinted(format!("this command changed nothing; put the plan back from a backup, or see the volume with `kubectl describe pv {volume}`"))
            }
            Distrust::OtherJournal { run, namespace, .. } | Distrust::Unmarked { run, namespace, .. } => refused.hinted(forget(&run, &namespace)),
            Distrust::NoDigest { run, namespace, digest, .. } => refused.hinted(format!(
                "read the plan with `kubectl stateful status {run} -n {namespace} -o yaml`; if it is as you want it, add `--plan-digest {digest}`"
            )),
            Distrust::Image { named, .. } => refused.hinted(format!("if you want that image, add `--mover-image {named}`")),
            Distrust::Changed { plan, now } => {
                let difference = difference(&file::to_yaml(&plan), &file::to_yaml(&now));
                let refused = Self::new(Kind::Refused, format!("{what}\n{difference}")).hinted("plan anew and review it");
                refused.hinted(format!("a record of it is closed with `kubectl stateful undo {} -n {}`", plan.run(), plan.namespace()))
            }
            Distrust::Refused(refusals) => refusals.into(),
            Distrust::Journal(error) => error.into(),
            Distrust::Survey(error) => error.into(),
            Distrust::Api(error) => error.into(),
        }
    }
}

impl From<Unreadable> for CommandError {
    fn from(error: Unreadable) -> Self {
        let what = error.to_string();
        match error {
            Unreadable::Syntax(_) | Unreadable::Kind(_) => {
                Self::new(Kind::Error, what).hinted("make one with `kubectl stateful plan … --out plan.yaml`")
            }
            Unreadable::Version { .. } => {
                Self::new(Kind::Error, what).hinted("use the version of kubectl-stateful that made it, or plan anew")
            }
            Unreadable::Unsafe(_) => Self::new(Kind::Refused, what).hinted("plan anew, and leave the steps as they are"),
        }
    }
}

impl From<Refusals> for CommandError {
    fn from(refusals: Refusals) -> Self {
        let faults = refusals.hinted().map(|(refusal, hint)| Fault { what: format!("refused: {refusal}"), hints: vec![hint] });
        Self { kind: Kind::Refused, faults: faults.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::RunId;

    #[test]
    fn only_a_plain_word_gets_into_a_command_to_paste() {
        let text = str::to_owned;
        let held = |run: &str| LeaseError::Held { app: text("sts/pg"), holder: text("x"), run: text(run), namespace: text("db") };
        let broken = |run: &str| JournalError::Broken { run: RunId(text(run)), namespace: text("db"), reason: text("x") };
        for (name, hints) in [("m1", 1), ("x; curl y | sh", 0), ("`x`", 0), ("--help", 0)] {
            for error in [CommandError::from(held(name)), CommandError::from(broken(name))] {
                assert_eq!(error.faults[0].hints.len(), hints, "{name}");
            }
        }
    }

    /// People work in a namespace by `-n` and paste where another one is the terminal's.
    #[test]
    fn commands_to_paste_name_the_namespace() {
        let text = str::to_owned;
        let run = || RunId(text("m1"));
        let namespace = || text("db");
        let errors: [CommandError; 5] = [
            LeaseError::Held { app: text("sts/pg"), holder: text("x"), run: text("m1"), namespace: namespace() }.into(),
            JournalError::Fenced { run: run(), namespace: namespace() }.into(),
            JournalError::Broken { run: run(), namespace: namespace(), reason: text("x") }.into(),
            JournalError::Foreign { record: text("r"), run: run(), namespace: namespace(), what: text("x"), writer: text("") }.into(),
            Distrust::Unmarked { run: run(), namespace: namespace(), step: text("s"), writer: text("") }.into(),
        ];
        for error in errors {
            for hint in &error.faults[0].hints {
                assert!(hint.contains(" -n db"), "{hint}");
            }
        }
        let none = CommandError::from(JournalError::NoSuchRun { run: run(), namespace: namespace() });
        assert_eq!(none.faults[0].hints, ["see the runs of all namespaces with `kubectl stateful status -A`"]);
    }

    #[test]
    fn exit_codes_are_a_promise() {
        let codes = [
            (Kind::Error, 1),
            (Kind::Changes, 2),
            (Kind::Unchanged, 3),
            (Kind::Refused, 4),
            (Kind::RolledBack, 5),
            (Kind::Stuck, 6),
            (Kind::Halted, 7),
            (Kind::Different, 8),
            (Kind::Interrupted, 130),
            (Kind::Terminated, 143),
        ];
        for (kind, code) in codes {
            assert_eq!(kind.exit_code(), code);
        }
    }
}
