//! Who wrote an object last, as `managedFields` tell: the name a client gave itself and a time. A hint for people; anybody can call himself
//! anything.

use serde_json::Value;

/// A writer of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The field manager.
    pub manager: String,
    /// When it wrote (RFC 3339).
    pub time: String,
}

impl std::fmt::Display for Writer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, " (last written by `{}` at {})", self.manager, self.time)
    }
}

/// The last writer of an object: one other than us, if there was one, since we write to most of what concerns us; none where it does not say.
#[must_use]
pub fn last_writer(object: &Value) -> Option<Writer> {
    last_other_writer(object).or_else(|| latest(writers(object)))
}

/// The last writer of an object other than us.
#[must_use]
pub fn last_other_writer(object: &Value) -> Option<Writer> {
    latest(writers(object).filter(|writer| writer.manager != super::verbs::FIELD_MANAGER))
}

fn latest(writers: impl Iterator<Item = Writer>) -> Option<Writer> {
    writers.max_by(|one, other| one.time.cmp(&other.time))
}

fn writers(object: &Value) -> impl Iterator<Item = Writer> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let fields = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    fields.map(move |field| Writer { manager: text(&field["manager"]), time: text(&field["time"]) })
}
