//! The table of what goes wrong × when, with how it ends, as `docs/safety.md` prints it.
//!
//! The sweep makes it and compares it with the document: what is published is what was judged. Of a share of the sweep all must be published; only
//! the whole has all that is. It does not count: how many tries there were is printed by the sweep.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Phase;
use super::share::Share;
use super::sweep::Ended;

/// Set to rewrite the document's tables instead of comparing them.
const REWRITE: &str = "STATEFUL_WRITE_SAFETY";
/// A folder in which the shares of a sweep leave what they found, until all are there.
const FOUND: &str = "STATEFUL_SWEEP_FOUND";
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/safety.md");

/// How each row's tries ended, by the phase in which they struck.
#[derive(Clone, Default)]
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

    /// Reads what [`Table::markdown`] wrote.
    fn read(markdown: &str) -> Self {
        let mut table = Self::default();
        for line in markdown.lines().skip(2) {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let row = cells.next().expect("a row has words");
            for (phase, cell) in Phase::ALL.into_iter().zip(cells) {
                Ended::ALL
                    .into_iter()
                    .filter(|how| cell.split(", ").any(|word| word == how.words()))
                    .for_each(|how| table.add(row, phase, how));
            }
        }
        table
    }

    fn endings(&self) -> BTreeSet<(&str, Phase, Ended)> {
        let cells = self.rows.iter().flat_map(|(row, cells)| cells.iter().map(move |(phase, ended)| (row.as_str(), *phase, ended)));
        cells.flat_map(|(row, phase, ended)| ended.iter().map(move |how| (row, phase, *how))).collect()
    }

    /// Compares with the part of the document between the marks of this name.
    pub(super) fn is_published(&self, name: &str, corner: &str, share: &Share) {
        let document = std::fs::read_to_string(DOCUMENT).expect("docs/safety.md can be read");
        let (begin, end) = (format!("<!-- {name}: made by the sweep -->\n"), format!("\n<!-- end of {name} -->"));
        let from = document.find(&begin).expect("the table's first mark") + begin.len();
        let to = from + document[from..].find(&end).expect("the table's last mark");
        let rewrites = std::env::var_os(REWRITE).is_some();
        let Some(whole) = self.whole(name, corner, share) else {
            assert!(!rewrites, "{REWRITE} takes a whole sweep: STATEFUL_SWEEP=all");
            return self.is_part_of(&Self::read(&document[from..to]));
        };
        let made = whole.markdown(corner);
        if rewrites {
            let document = format!("{}{made}{}", &document[..from], &document[to..]);
            std::fs::write(DOCUMENT, document).expect("docs/safety.md can be written");
        } else {
            assert_eq!(&document[from..to], made, "docs/safety.md is not what the sweep found; {REWRITE}=1 rewrites it");
        }
    }

    /// A share meets each row, and nothing that is not published.
    fn is_part_of(&self, published: &Self) {
        let more: Vec<_> = self.endings().difference(&published.endings()).copied().collect();
        assert!(more.is_empty(), "docs/safety.md does not say what the sweep found: {more:?}; STATEFUL_SWEEP=all {REWRITE}=1 rewrites it");
        let rows = |table: &Self| table.rows.iter().map(|(row, _)| row.clone()).collect::<BTreeSet<_>>();
        assert_eq!(rows(self), rows(published), "a share meets each row of docs/safety.md");
    }

    /// What all shares found: with those that left it in the folder for it before. None while some are missing.
    fn whole(&self, name: &str, corner: &str, share: &Share) -> Option<Self> {
        let (number, of) = share.place();
        let Some(folder) = std::env::var_os(FOUND).map(PathBuf::from) else { return share.is_whole().then(|| self.clone()) };
        let file = |number| folder.join(format!("{name}-{number}-of-{of}.md"));
        std::fs::write(file(number), self.markdown(corner)).expect("what was found can be left");
        let mut whole = Self::default();
        for number in 1..=of {
            let found = Self::read(&std::fs::read_to_string(file(number)).ok()?);
            found.rows.into_iter().for_each(|(row, cells)| whole.take_in(&row, cells));
        }
        Some(whole)
    }

    fn take_in(&mut self, row: &str, cells: BTreeMap<Phase, BTreeSet<Ended>>) {
        for (phase, ended) in cells {
            ended.into_iter().for_each(|how| self.add(row, phase, how));
        }
    }
}

fn cell(ended: Option<&BTreeSet<Ended>>) -> String {
    let Some(ended) = ended else { return "–".to_owned() };
    let words: Vec<&str> = ended.iter().map(|how| how.words()).collect();
    words.join(", ")
}

fn table(of: &[(&str, Phase, Ended)]) -> Table {
    let mut table = Table::default();
    of.iter().for_each(|(row, phase, how)| table.add(row, *phase, *how));
    table
}

#[test]
fn a_table_is_read_as_it_was_written() {
    let endings =
        [("409", Phase::Copying, Ended::OnTarget), ("409", Phase::Copying, Ended::OnSource), ("503", Phase::GoingBack, Ended::NeedsAHand)];
    let read = Table::read(&table(&endings).markdown("a call is"));
    assert_eq!(read.endings(), BTreeSet::from(endings));
}

#[test]
fn a_share_that_finds_what_is_not_published_is_no_part_of_it() {
    let published = [("409", Phase::Copying, Ended::OnTarget), ("503", Phase::Copying, Ended::OnSource)];
    let is_part = |found: &[_]| std::panic::catch_unwind(|| table(found).is_part_of(&table(&published))).is_ok();
    assert!(is_part(&published));
    assert!(!is_part(&published[..1]), "it lacks a row");
    assert!(!is_part(&[published[0], published[1], ("409", Phase::Copying, Ended::OnSource)]));
    assert!(!is_part(&[published[0], published[1], ("503", Phase::Proving, Ended::OnSource)]));
}
