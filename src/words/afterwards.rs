//! What a plan and a completed run say alike: which volumes are kept, how one goes back, and the notes.

use super::escaped::{Words, words};
use crate::escape;
use crate::plan::Plan;

pub(super) fn afterwards(plan: &Plan) -> Words {
    let volumes: Vec<&str> = plan.moves.iter().map(|one| one.source.volume.as_str()).collect();
    let kept = words!("Afterwards the old volumes are kept ({})", volumes.join(", "));
    match pasted(plan) {
        Some((run, namespace)) => words!(
            "{} until you run `kubectl stateful finalize {} -n {}`; until then `kubectl stateful undo {} -n {}` goes back.",
            kept,
            run,
            namespace,
            run,
            namespace
        ),
        None => words!("{}.", kept),
    }
}

pub(super) fn notes(plan: &Plan) -> Words {
    Words::joined(plan.notes.iter().map(|note| words!("Note: {}\n", note)), "")
}

/// A run's name and namespace for a command that people paste; none where one would be more than a name there.
pub(super) fn pasted(plan: &Plan) -> Option<(&str, &str)> {
    Some((plan.run().0.as_str(), plan.namespace())).filter(|(run, namespace)| escape::is_word(run) && escape::is_word(namespace))
}
