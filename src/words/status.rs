//! Which runs there are, and where one stands.

use console::Style;
use serde_json::Value;

use super::afterwards::pasted;
use super::escaped::{Words, words};
use super::receipts::receipts_text;
use super::table::{field, row};
use crate::journal::{Entry, RunState, Stand};
use crate::operate::records::{Look, Stands};
use crate::plan::{Plan, marks};

/// The runs there are, each as its record has it and as it was looked at.
pub fn runs_text(plans: &[(Value, Option<Look>)], all_namespaces: bool) -> Words {
    if plans.is_empty() {
        return words!("No runs found\n");
    }
    let mut rows = vec![row(&[&"NAMESPACE", &"NAME", &"APP", &"STATE", &"BEGUN"])];
    rows.extend(plans.iter().map(|(plan, look)| run_row(&plan["metadata"], look.as_ref())));
    if !all_namespaces {
        rows.iter_mut().for_each(|row| drop(row.remove(0)));
    }
    Words::table(&rows)
}

fn run_row(metadata: &Value, look: Option<&Look>) -> Vec<Words> {
    let (labels, app) = (&metadata["labels"], &metadata["annotations"]["kubectl-stateful.dev/app-name"]);
    let state = look.map_or_else(|| words!("{}", field(&labels[marks::STATE])), short_look);
    let fields = [&metadata["namespace"], &labels[marks::RUN], app];
    let mut row = fields.map(|value| words!("{}", field(value))).to_vec();
    row.extend([state, words!("{}", field(&metadata["creationTimestamp"]))]);
    row
}

/// Where a run stands, in a cell of a table.
fn short_look(look: &Look) -> Words {
    let stands = match &look.stands {
        Stands::NotBegun => words!("not begun"),
        Stands::Running { .. } if look.is_back => words!("going back"),
        Stands::Running { .. } => words!("running"),
        Stands::Lost => words!("executor lost"),
        Stands::Unknown => words!("not ended"),
        Stands::Halted(_) => words!("halted"),
        Stands::Completed if look.back_by.is_some() => words!("undone"),
        Stands::Completed => words!("completed"),
        Stands::Undone => words!("undone"),
    };
    match &look.down_since {
        Some(since) => words!("{}, THE APP IS DOWN, or not ready, since {}", stands, since),
        None => stands,
    }
}

/// Where a run stands.
pub fn status_text(plan: &Plan, state: &RunState, entries: &[Entry], look: &Look) -> Words {
    let (app, namespace) = (plan.app.reference(), &plan.app.namespace);
    let mut text = words!("{} in namespace {}, run {}: {}\n", app, namespace, plan.run(), look_words(look));
    if let Some(since) = &look.down_since {
        text += words!("{}\n", words!("THE APP IS DOWN, or not ready, since {}", since).styled(&Style::new().red().bold()));
    }
    text += words!("\n");
    let mut rows = vec![row(&[&"STEP", &"STAND", &"WHAT"])];
    for (_, step) in plan.steps() {
        rows.push(row(&[&step.id, &stand_word(state.stand(&step.id)), &step.step.does()]));
    }
    text += Words::table(&rows);
    let receipts = receipts_text(plan, entries);
    if !receipts.is_empty() {
        text += words!("\n{}", receipts);
    }
    if let Some(last) = entries.last() {
        text += words!("\nLast entry: {} of {}\n", last.sequence, last.at);
    }
    text += ways_on(plan, look);
    text
}

/// The same in a sentence.
fn look_words(look: &Look) -> Words {
    let direction = if look.is_back { "going back" } else { "running" };
    match (&look.stands, &look.back_by) {
        (Stands::NotBegun, _) => words!("not begun"),
        (Stands::Running { executor }, _) => words!("{}, carried out by {}", direction, executor),
        (Stands::Lost, _) => words!("executor lost: it has not ended, and nobody carries it out"),
        (Stands::Unknown, _) => words!("not ended; you may not read its lease, so it is not known whether somebody carries it out"),
        (Stands::Halted(why), _) => words!("halted: {}", why),
        (Stands::Completed, Some((run, true))) => words!("completed, then undone by run {}", run),
        (Stands::Completed, Some((run, false))) => words!("completed; run {} takes the app back and has not ended", run),
        (Stands::Completed, None) => words!("completed"),
        (Stands::Undone, _) => words!("undone"),
    }
}

/// What can be done with a run that nobody carries out.
fn ways_on(plan: &Plan, look: &Look) -> Words {
    let Some((run, namespace)) = pasted(plan) else { return Words::default() };
    match (&look.stands, &look.back_by) {
        (Stands::NotBegun | Stands::Lost | Stands::Unknown | Stands::Halted(_), _) => words!(
            "Go on with `kubectl stateful execute --resume {} -n {}`, or back with `kubectl stateful undo {} -n {}`\n",
            run,
            namespace,
            run,
            namespace
        ),
        (Stands::Completed, Some((back, false))) => {
            words!("See it with `kubectl stateful status {} -n {}`\n", back, namespace)
        }
        (Stands::Running { .. } | Stands::Completed | Stands::Undone, _) => Words::default(),
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
