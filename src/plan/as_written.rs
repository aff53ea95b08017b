//! The text of a run's plan, where an earlier version wrote it: its digest is on volumes, and the records are to stay what they are.
//!
//! Only what is read from records has one; a file of an earlier version is written anew.

use std::sync::Arc;

/// A plan's own text, where it is not what would be written now. What a plan says does not depend on it, so that any two are equal.
#[derive(Clone, Default)]
pub struct AsWritten(Option<Arc<str>>);

impl AsWritten {
    pub(super) fn of(text: &str) -> Self {
        Self(Some(text.into()))
    }

    pub(super) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl PartialEq for AsWritten {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl std::fmt::Debug for AsWritten {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.0.as_ref().map(|text| text.len());
        formatter.debug_tuple("AsWritten").field(&bytes).finish()
    }
}
