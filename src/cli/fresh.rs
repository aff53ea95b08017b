//! What a request cannot have from anybody else: the time, and a name that nobody has.

use jiff::Timestamp;

use crate::plan::RunId;

/// Now, to the second.
pub(super) fn now() -> String {
    let second = Timestamp::now().as_second();
    Timestamp::from_second(second).map(|now| now.to_string()).unwrap_or_default()
}

/// A run's name: `m` and seven characters from the time and from chance, so that two machines never make the same one.
pub(super) fn run_id() -> RunId {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let chance = std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), Timestamp::now().as_nanosecond());
    let letters = (0..7).map(|place| char::from(LETTERS[usize::from((chance >> (5 * place)) as u8 & 31)]));
    RunId(std::iter::once('m').chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_runs_that_are_made_up_are_names_and_differ() {
        let (one, other) = (run_id(), run_id());
        assert!(RunId::try_from(one.0.clone()).is_ok());
        assert_ne!(one, other);
    }
}
