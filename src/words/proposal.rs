//! What is about to be done, right before the user is asked.

use serde_json::Value;

use super::escaped::{Words, words};
use super::plan::plan_text;
use super::table::{count, field};
use crate::journal::{RunState, Stand};
use crate::operate::caller::Proposal;
use crate::operate::{Basis, TrustedRun};
use crate::plan::{Plan, marks};

/// What is about to be done.
pub fn proposal_text(proposal: &Proposal<'_>) -> Words {
    match proposal {
        Proposal::Begin { plan, survey } => plan_text(plan, survey),
        Proposal::Resume(record) => resume_text(record),
        Proposal::TakeBack { plan, state } => undo_text(plan, state),
        Proposal::Close(plan) => closing_text(plan),
        Proposal::FinishStart => {
            words!(
                "The run did not finish the start of the app on its new volumes. This command finishes the start, then moves the app back."
            )
        }
        Proposal::Finalize { plan, volumes } => finalize_text(plan, volumes),
    }
}

/// What taking a run back will do.
pub fn undo_text(plan: &Plan, state: &RunState) -> Words {
    let mut text = words!("Going back with {} in namespace {} (run {}):\n", plan.app.reference(), plan.namespace(), plan.run());
    let begun = |stand: &Stand| matches!(stand, Stand::Intended | Stand::Settled(_) | Stand::Undoing);
    let steps: Vec<String> = plan
        .steps()
        .rev()
        .filter(|(_, step)| begun(state.stand(&step.id)))
        .filter_map(|(_, step)| step.step.undoes(plan.subject()))
        .collect();
    for undoes in &steps {
        text += words!("  - {}\n", undoes);
    }
    if steps.is_empty() {
        text += words!("  nothing was changed yet\n");
    }
    text
}

/// What closing a run will do of which nothing is left.
fn closing_text(plan: &Plan) -> Words {
    words!(
        "No volume bears the marks of run {} in namespace {}. This command looks at each step of the run, closes its record, and changes nothing else.\n",
        plan.run(),
        plan.namespace()
    )
}

/// What going on with a run will do, and why its plan counts.
fn resume_text(record: &TrustedRun) -> Words {
    let TrustedRun { plan, journal, basis } = record;
    let why = match basis {
        Basis::Anchored => "its volumes bear the digest of this plan",
        Basis::Vouched => "you have named the digest of this plan",
        Basis::PlannedAnew => "no volume bears its marks, and the plan is what would be planned now",
        Basis::NothingLeft | Basis::Ended => "no volume bears its marks",
    };
    let state = journal.state();
    if *basis == Basis::NothingLeft {
        return closing_text(plan);
    }
    if state.back {
        return undo_text(plan, state);
    }
    let mut text = words!("Going on with {} in namespace {} (run {}; {}):\n", plan.app.reference(), plan.namespace(), plan.run(), why);
    let is_left = |stand: &Stand| matches!(stand, Stand::Untouched | Stand::Intended);
    for (_, step) in plan.steps().filter(|(_, step)| is_left(state.stand(&step.id))) {
        text += words!("  - {}\n", step.step.does(plan.subject()));
    }
    let volumes: Vec<&str> = plan.moves.iter().map(|one| one.source.volume.as_str()).collect();
    text += words!(
        "The run writes in namespace {}, to volumes {}, and to those that take their place.\n",
        plan.namespace(),
        volumes.join(", ")
    );
    text
}

/// What ending a run for good will delete.
pub fn finalize_text(plan: &Plan, volumes: &[Value]) -> Words {
    let mut text = words!(
        "Deletes {} of run {} in namespace {} with all data, and the run's journal:\n",
        count(volumes.len(), "old volume"),
        plan.run(),
        plan.namespace()
    );
    for volume in volumes {
        let (metadata, capacity) = (&volume["metadata"], field(&volume["spec"]["capacity"]["storage"]));
        let claim = field(&metadata["annotations"][marks::CLAIM]);
        text += words!("  - {} ({}, was claim {})\n", field(&metadata["name"]), capacity, claim);
    }
    text
}
