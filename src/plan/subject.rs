//! What the steps of a plan are about: the app, and the claims by their slots. Steps hold slots; whoever puts a step into words, or carries it
//! out, finds the names here. It judges nothing: that every slot is one of a claim is seen to by `scope`.

use super::app::App;
use super::claim_move::ClaimMove;
use super::names::Slot;

/// The app and the moved claims of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What is moved.
    pub app: &'a App,
    /// One for each claim that is moved.
    pub moves: &'a [ClaimMove],
}

impl<'a> Subject<'a> {
    /// Returns the move of a slot.
    #[must_use]
    pub fn find(self, slot: &Slot) -> Option<&'a ClaimMove> {
        self.moves.iter().find(|one| one.slot == *slot)
    }

    /// A name of the claim in a slot, in words; of a slot that no claim has, its own.
    fn named(self, slot: &'a Slot, name: impl Fn(&'a ClaimMove) -> Option<&'a str>) -> &'a str {
        self.find(slot).and_then(name).unwrap_or(&slot.0)
    }

    /// The name of the claim in a slot.
    pub(super) fn claim(self, slot: &'a Slot) -> &'a str {
        self.named(slot, |one| Some(&one.claim))
    }

    /// The names of the claims in slots, for people.
    pub(super) fn claims(self, slots: &'a [Slot]) -> String {
        slots.iter().map(|slot| self.claim(slot)).collect::<Vec<_>>().join(", ")
    }

    /// The source volume of a slot.
    pub(super) fn volume(self, slot: &'a Slot) -> &'a str {
        self.named(slot, |one| Some(&one.source.volume))
    }

    /// The staging claim of a slot.
    pub(super) fn staging(self, slot: &'a Slot) -> &'a str {
        self.named(slot, |one| Some(&one.target.claim))
    }

    /// The kept volume that a slot is moved to.
    pub(super) fn kept(self, slot: &'a Slot) -> &'a str {
        self.named(slot, |one| one.target.kept.as_ref().map(|kept| kept.volume.as_str()))
    }

    /// Whether the target volume of a slot is made for its staging claim.
    pub(super) fn is_provisioned(self, slot: &Slot) -> bool {
        self.find(slot).is_some_and(|one| one.target.kept.is_none())
    }
}
