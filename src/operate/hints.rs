//! What can be done about each error that a command may end with, and the exit class that it makes.

use super::carry_out::ExecuteError;
use super::exit::ExitClass;
use super::failure::{CommandError, Fault};
use super::finalize::FinalizeError;
use super::rehearsal::RehearsalError;
use super::trust::Distrust;
use super::verify::VerifyError;
use crate::cluster::read::{SurveyError, api_hint};
use crate::cluster::{ApiError, ConnectError};
use crate::escape;
use crate::journal::JournalError;
use crate::journal::lease::LeaseError;
use crate::plan::RunId;
use crate::plan::difference::difference;
use crate::plan::file::{self, Unreadable};
use crate::planner::Refusals;

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
        Self::new(ExitClass::Error, error.to_string()).maybe_hinted(error.hint())
    }
}

impl From<ApiError> for CommandError {
    fn from(error: ApiError) -> Self {
        Self::new(ExitClass::Error, error.to_string()).maybe_hinted(api_hint(&error))
    }
}

impl From<ConnectError> for CommandError {
    fn from(error: ConnectError) -> Self {
        Self::new(ExitClass::Error, error.to_string()).hinted("see what kubectl uses with `kubectl config view`")
    }
}

impl From<JournalError> for CommandError {
    fn from(error: JournalError) -> Self {
        let what = error.to_string();
        match error {
            JournalError::NoSuchRun { .. } => Self::new(ExitClass::Error, what).hinted("see the runs of all namespaces with `kubectl stateful status -A`"),
            JournalError::Gone(_) => Self::new(ExitClass::Halted, what).hinted("what the run made is labelled `kubectl-stateful.dev/run`"),
            JournalError::Fenced { run, namespace } => Self::new(ExitClass::Refused, what).maybe_hinted(watch(&run.0, &namespace)),
            JournalError::Broken { run, namespace, .. } => Self::new(ExitClass::Stuck, what).maybe_hinted(pasted([&run.0, &namespace], |[run, namespace]| {
                format!(
                    "put its ConfigMaps back from a backup, or finish by the plan: kubectl get configmap stateful-{run}-plan-0 -n {namespace} -o jsonpath='{{.data.plan}}'"
                )
            })),
            JournalError::Newer { .. } => {
                Self::new(ExitClass::Error, what).hinted("use the version of kubectl-stateful that began this run, or a newer one")
            }
            JournalError::Marked { volume, .. } => Self::new(ExitClass::Refused, what).maybe_hinted(pasted([&volume], |[volume]| {
                format!("see what it is with `kubectl get pv {volume} -o yaml`, and plan with another `--run`")
            })),
            JournalError::Foreign { record, run, namespace, .. } => Self::new(ExitClass::Refused, format!("refused: {what}")).hinted(format!(
                "this command changed nothing; see who made it: kubectl get configmap {record} -n {namespace} -o yaml --show-managed-fields"
            )).hinted(forget(&run, &namespace)),
            JournalError::Api { error, .. } => Self::new(ExitClass::Error, what).maybe_hinted(api_hint(&error)),
        }
    }
}

impl From<LeaseError> for CommandError {
    fn from(error: LeaseError) -> Self {
        let what = error.to_string();
        match error {
            LeaseError::Held { run, namespace, .. } => Self::new(ExitClass::Refused, what).maybe_hinted(watch(&run, &namespace)),
            LeaseError::Lost { .. } | LeaseError::Deleted { .. } => Self::new(ExitClass::Halted, what),
            LeaseError::Api { error, .. } => Self::new(ExitClass::Error, what).maybe_hinted(api_hint(&error)),
        }
    }
}

impl From<ExecuteError> for CommandError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Lease(error) => error.into(),
            ExecuteError::Journal(error) => error.into(),
            ExecuteError::Distrust(error) => error.into(),
            ExecuteError::Rehearsal(error) => error.into(),
        }
    }
}

impl From<RehearsalError> for CommandError {
    fn from(error: RehearsalError) -> Self {
        match error {
            RehearsalError::Refused(refusals) => refusals.into(),
            RehearsalError::Unasked(error) => Self::new(ExitClass::Error, format!("{error}; nothing was changed")),
        }
    }
}

impl From<Distrust> for CommandError {
    fn from(error: Distrust) -> Self {
        let what = format!("refused: {error}");
        let refused = Self::new(ExitClass::Refused, &what);
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
                let refused = Self::new(ExitClass::Refused, format!("{what}\n{difference}")).hinted("plan anew and review it");
                refused.hinted(format!("if a run was recorded from it, close that with `kubectl stateful undo {} -n {}`", plan.run(), plan.namespace()))
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
                Self::new(ExitClass::Error, what).hinted("make one with `kubectl stateful plan … --out plan.yaml`")
            }
            Unreadable::Version { .. } | Unreadable::Field(_) => {
                Self::new(ExitClass::Error, what).hinted("use the version of kubectl-stateful that made it, or plan anew")
            }
            Unreadable::Unsafe(_) => Self::new(ExitClass::Refused, what).hinted("plan anew, and leave the steps as they are"),
        }
    }
}

impl From<Refusals> for CommandError {
    fn from(refusals: Refusals) -> Self {
        let faults = refusals.hinted().map(|(refusal, hint)| Fault { what: format!("refused: {refusal}"), hints: vec![hint] });
        Self { class: ExitClass::Refused, faults: faults.collect() }
    }
}

impl CommandError {
    /// Says why volumes that a run kept are not deleted.
    pub(super) fn of_finalize(error: FinalizeError, namespace: &str) -> Self {
        let what = error.to_string();
        match error {
            FinalizeError::NotEnded(run) => Self::new(ExitClass::Refused, format!("refused: {what}")).hinted(format!(
                "go on with `kubectl stateful execute --resume {run} -n {namespace}`, or go back with `kubectl stateful undo {run} -n {namespace}`"
            )),
            FinalizeError::Foreign { volume, .. } | FinalizeError::NotSettled { volume, .. } | FinalizeError::InUse { volume, .. } => {
                Self::new(ExitClass::Refused, format!("refused: {what}")).hinted(format!("see it with `kubectl describe pv {volume}`"))
            }
            FinalizeError::Remains { volume, .. } => {
                Self::new(ExitClass::Halted, what).hinted(format!("see why with `kubectl describe pv {volume}`, then finalize again"))
            }
            FinalizeError::Journal(error) => error.into(),
            FinalizeError::Api(error) => error.into(),
        }
    }

    /// Says why two claims were not compared.
    pub(super) fn of_verify(error: VerifyError, interrupted: ExitClass) -> Self {
        let what = error.to_string();
        match error {
            VerifyError::Refused { hint, .. } => Self::new(ExitClass::Refused, format!("refused: {what}")).hinted(hint),
            VerifyError::Interrupted => Self::new(interrupted, "interrupted; the pod is removed"),
            VerifyError::NotStarted { .. } => {
                Self::new(ExitClass::Error, what).hinted("name an image that the nodes can pull with `--mover-image IMAGE`")
            }
            VerifyError::Failed(_) => Self::new(ExitClass::Error, what).hinted("nothing may write to the claims while they are compared; the image of the pod is the one of this version, or named with `--mover-image`"),
            VerifyError::TooLong(_) => Self::new(ExitClass::Error, what).hinted("allow more with `--timeout DURATION`"),
            VerifyError::Survey(error) => error.into(),
            VerifyError::Api(error) => Self::new(ExitClass::Error, what).maybe_hinted(api_hint(&error)),
        }
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
}
