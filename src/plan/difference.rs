//! How two plans differ, in lines of their text.

use std::collections::BTreeMap;

/// What differs between two texts: lines that only one of them has, in their order.
pub fn difference(before: &str, after: &str) -> String {
    const LINES_MAX: usize = 40;
    let lines = |text: &str| -> BTreeMap<String, usize> {
        text.lines().fold(BTreeMap::new(), |mut counts, line| {
            *counts.entry(line.to_owned()).or_default() += 1;
            counts
        })
    };
    let (had, has) = (lines(before), lines(after));
    let only = |text: &str, other: &BTreeMap<String, usize>, own: &BTreeMap<String, usize>, sign: char| -> Vec<String> {
        text.lines()
            .filter(|line| own[*line] > other.get(*line).copied().unwrap_or(0))
            .map(|line| format!("{sign} {}", line.trim_start()))
            .collect()
    };
    let mut all = only(before, &has, &had, '-');
    all.extend(only(after, &had, &has, '+'));
    let left_out = all.len().saturating_sub(LINES_MAX);
    all.truncate(LINES_MAX);
    if left_out > 0 {
        all.push(format!("… and {left_out} lines more"));
    }
    all.join("\n")
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn a_difference_names_the_lines_of_either_side() {
        assert_eq!(difference("a\nb\nc\n", "a\nd\nc\n"), "- b\n+ d");
        assert_eq!(difference("a\na\n", "a\n"), "- a\n- a");
        assert_eq!(difference("a\n", "a\n"), "");
    }
}
