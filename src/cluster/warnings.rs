//! What the API server warned of beside its answers (the `Warning` header of RFC 9111, as kubectl shows it).
//!
//! A warning can mean that a field we wrote was dropped, so they are kept and shown, each once; showing is not done here.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Warnings of one connection, shared by its clones.
#[derive(Clone, Debug, Default)]
pub struct Warnings {
    seen: Arc<Mutex<WarningLog>>,
}

#[derive(Debug, Default)]
struct WarningLog {
    all: BTreeSet<String>,
    untold: Vec<String>,
}

impl Warnings {
    /// Keeps the warnings of one response.
    pub(super) fn collect(&self, headers: &http::HeaderMap) {
        for value in headers.get_all(http::header::WARNING) {
            let Some(text) = value.to_str().ok().and_then(text_of) else { continue };
            let mut seen = self.seen.lock().expect("no code panics while holding this lock");
            if seen.all.insert(text.clone()) {
                seen.untold.push(text);
            }
        }
    }

    /// Returns the warnings not yet taken, in order of arrival.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().expect("no code panics while holding this lock").untold)
    }
}

/// `299 - "text"` → `text`.
fn text_of(header: &str) -> Option<String> {
    let start = header.find('"')? + 1;
    let end = header.rfind('"')?;
    (start <= end).then(|| header[start..end].replace("\\\"", "\"").replace("\\\\", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_told_once() {
        let warnings = Warnings::default();
        let mut headers = http::HeaderMap::new();
        headers.append(http::header::WARNING, "299 - \"unknown field \\\"spec.x\\\"\"".parse().expect("a header"));
        warnings.collect(&headers);
        warnings.collect(&headers);
        assert_eq!(warnings.take(), ["unknown field \"spec.x\""]);
        assert!(warnings.take().is_empty());
    }
}
