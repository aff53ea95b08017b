//! Which runs there are, and where one stands.

use console::Style;
use serde_json::Value;

use super::afterwards::pasted;
use super::escaped::{Words, words};
use super::receipts::receipts_text;
use super::table::{field, row};
use crate::journal::{Entry, RunState, Stand};
use crate::operate::records::{RunPhase, RunStatus};
use crate::plan::{Plan, marks};

/// The runs there are, each as its record has it and as it was looked at.
pub fn runs_text(plans: &[(Value, Option<RunStatus>)], all_namespaces: bool) -> Words {
    if plans.is_empty() {
        return words!("No runs found\n");
    }
    let mut rows = vec![row(&[&"NAMESPACE", &"NAME", &"APP", &"STATE", &"BEGUN"])];
    rows.extend(plans.iter().map(|(plan, status)| run_row(&plan["metadata"], status.as_ref())));
    if !all_namespaces {
        rows.iter_mut().for_each(|row| drop(row.remove(0)));
    }
    Words::table(&rows)
}

fn run_row(metadata: &Value, status: Option<&RunStatus>) -> Vec<Words> {
    let (labels, app) = (&metadata["labels"], &metadata["annotations"]["kubectl-stateful.dev/app-name"]);
    let state = status.map_or_else(|| words!("{}", field(&labels[marks::STATE])), short_status);
    let fields = [&metadata["namespace"], &labels[marks::RUN], app];
    let mut row = fields.map(|value| words!("{}", field(value))).to_vec();
    row.extend([state, words!("{}", field(&metadata["creationTimestamp"]))]);
    row
}

/// Where a run stands, in a cell of a table.
fn short_status(status: &RunStatus) -> Words {
    let phase = match &status.phase {
        RunPhase::NotBegun => words!("not begun"),
        RunPhase::Running { .. } if status.is_back => words!("going back"),
        RunPhase::Running { .. } => words!("running"),
        RunPhase::Lost => words!("executor lost"),
        RunPhase::Unknown => words!("not ended"),
        RunPhase::Halted(_) => words!("halted"),
        RunPhase::Completed if status.back_by.is_some() => words!("undone"),
        RunPhase::Superseded => words!("undone"),
        RunPhase::Completed => words!("completed"),
        RunPhase::Undone => words!("undone"),
    };
    match &status.down_since {
        Some(since) => words!("{}, THE APP IS DOWN, or not ready, since {}", phase, since),
        None => phase,
    }
}

/// Where a run stands.
pub fn status_text(plan: &Plan, state: &RunState, entries: &[Entry], status: &RunStatus) -> Words {
    let (app, namespace) = (plan.app.reference(), &plan.app.namespace);
    let mut text = words!("{} in namespace {}, run {}: {}\n", app, namespace, plan.run(), status_words(status));
    if let Some(since) = &status.down_since {
        text += words!("{}\n", words!("THE APP IS DOWN, or not ready, since {}", since).styled(&Style::new().red().bold()));
    }
    text += words!("\n");
    let mut rows = vec![row(&[&"STEP", &"STAND", &"WHAT"])];
    for (_, step) in plan.steps() {
        rows.push(row(&[&step.id, &stand_word(state.stand(&step.id)), &step.step.does(plan.subject())]));
    }
    text += Words::table(&rows);
    let receipts = receipts_text(plan, entries);
    if !receipts.is_empty() {
        text += words!("\n{}", receipts);
    }
    if let Some(last) = entries.last() {
        text += words!("\nLast entry: {} of {}\n", last.sequence, last.at);
    }
    text += ways_on(plan, status);
    text
}

/// The same in a sentence.
fn status_words(status: &RunStatus) -> Words {
    let direction = if status.is_back { "going back" } else { "running" };
    match (&status.phase, &status.back_by) {
        (RunPhase::NotBegun, _) => words!("not begun"),
        (RunPhase::Running { executor }, _) => words!("{}, carried out by {}", direction, executor),
        (RunPhase::Lost, _) => words!("executor lost: the run has not ended, and no process carries it out"),
        (RunPhase::Unknown, _) => words!("not ended; you may not read its lease, which says whether a process carries it out"),
        (RunPhase::Halted(why), _) => words!("halted: {}", why),
        (RunPhase::Completed, Some((run, true))) => words!("completed, then undone by run {}", run),
        (RunPhase::Completed, Some((run, false))) => words!("completed; run {} takes the app back and has not ended", run),
        (RunPhase::Completed, None) => words!("completed"),
        (RunPhase::Superseded, Some((run, true))) => words!("not completed, then undone by run {}", run),
        (RunPhase::Superseded, Some((run, false))) => words!("not completed; run {} takes the app back and has not ended", run),
        (RunPhase::Superseded, None) => words!("not completed"),
        (RunPhase::Undone, _) => words!("undone"),
    }
}

/// What can be done with a run that nobody carries out.
fn ways_on(plan: &Plan, status: &RunStatus) -> Words {
    let Some((run, namespace)) = pasted(plan) else { return Words::default() };
    match (&status.phase, &status.back_by) {
        (RunPhase::NotBegun | RunPhase::Lost | RunPhase::Unknown | RunPhase::Halted(_), _) => words!(
            "Go on with `kubectl stateful execute --resume {} -n {}`, or back with `kubectl stateful undo {} -n {}`\n",
            run,
            namespace,
            run,
            namespace
        ),
        (RunPhase::Completed | RunPhase::Superseded, Some((back, false))) => {
            words!("See it with `kubectl stateful status {} -n {}`\n", back, namespace)
        }
        (RunPhase::Running { .. } | RunPhase::Completed | RunPhase::Superseded | RunPhase::Undone, _) => Words::default(),
    }
}

fn stand_word(stand: &Stand) -> &'static str {
    match stand {
        Stand::Untouched => "-",
        Stand::Intended => "begun",
        Stand::Settled(_) => "done",
        Stand::Found(_) => "was so",
        Stand::Undoing => "going back",
        Stand::Undone => "undone",
    }
}
