//! Cells, counts and columns, as all tables of ours have them.

use serde_json::Value;

use super::escaped::{Part, Words, words};

pub(super) fn row(cells: &[&dyn Part]) -> Vec<Words> {
    cells.iter().map(|cell| Words::only(*cell)).collect()
}

pub(super) fn count(number: usize, what: &'static str) -> Words {
    if number == 1 { words!("1 {}", what) } else { words!("{} {}s", number, what) }
}

pub(super) fn field(value: &Value) -> &str {
    value.as_str().unwrap_or("<unknown>")
}
