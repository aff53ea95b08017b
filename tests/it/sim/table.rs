//! The table of what goes wrong × when, with how it ends, as `docs/safety.md` prints it.
//!
//! The sweep makes it and compares it with the document: what is published is what was judged. It does not count: how many tries
//! there were is printed by the sweep.

use std::collections::{BTreeMap, BTreeSet};

use super::Phase;
use super::sweep::Ended;

/// Set to rewrite the document's tables instead of comparing them.
const REWRITE: &str = "STATEFUL_WRITE_SAFETY";
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/safety.md");

/// How each row's tries ended, by the phase in which they struck.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<(String, BTreeMap<Phase, BTreeSet<Ended>>)>,
}

impl Table {
    pub(super) fn add(&mut self, row: &str, phase: Phase, how: Ended) {
        let at = self.rows.iter().position(|(words, _)| words == row).unwrap_or_else(|| {
            self.rows.push((row.to_owned(), BTreeMap::new()));
            self.rows.len() - 1
        });
        self.rows[at].1.entry(phase).or_default().insert(how);
    }

    fn markdown(&self, corner: &str) -> String {
        let mut lines = vec![format!("| {corner} | {} |", Phase::ALL.map(Phase::words).join(" | "))];
        lines.push(format!("|{}", " --- |".repeat(Phase::ALL.len() + 1)));
        for (words, cells) in &self.rows {
            let cells = Phase::ALL.map(|phase| cell(cells.get(&phase)));
            lines.push(format!("| {words} | {} |", cells.join(" | ")));
        }
        lines.join("\n")
    }

    /// Compares with the part of the document between the marks of this name.
    pub(super) fn is_published(&self, name: &str, corner: &str) {
        let document = std::fs::read_to_string(DOCUMENT).expect("docs/safety.md can be read");
        let (begin, end) = (format!("<!-- {name}: made by the sweep -->\n"), format!("\n<!-- end of {name} -->"));
        let from = document.find(&begin).expect("the table's first mark") + begin.len();
        let to = from + document[from..].find(&end).expect("the table's last mark");
        let made = self.markdown(corner);
        if std::env::var_os(REWRITE).is_some() {
            let document = format!("{}{made}{}", &document[..from], &document[to..]);
            std::fs::write(DOCUMENT, document).expect("docs/safety.md can be written");
        } else {
            assert_eq!(&document[from..to], made, "docs/safety.md is not what the sweep found; {REWRITE}=1 rewrites it");
        }
    }
}

fn cell(ended: Option<&BTreeSet<Ended>>) -> String {
    let Some(ended) = ended else { return "–".to_owned() };
    let words: Vec<&str> = ended.iter().map(|how| how.words()).collect();
    words.join(", ")
}
