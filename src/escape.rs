//! What does not print, spelled out: people see what was there, and no terminal obeys it.
//!
//! It judges characters, not who wrote them.

/// Characters that nobody sees or that change how others are shown: format characters, fillers, separators of lines.
const UNSEEN: [(char, char); 29] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{fffe}', '\u{ffff}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
    ('\u{f0000}', '\u{fffff}'),
    ('\u{100000}', '\u{10ffff}'),
];

/// Adds a character to a text, spelled out where it does not print: `\n`, `\x1b`, `\u{202e}`.
pub fn push(text: &mut String, one: char) {
    match one {
        '\n' | '\r' | '\t' => text.extend(one.escape_default()),
        _ if one.is_ascii_control() => text.push_str(&format!("\\x{:02x}", u32::from(one))),
        _ if !prints(one) => text.extend(one.escape_unicode()),
        _ => text.push(one),
    }
}

/// Returns whether a character can be seen, and does nothing else.
#[must_use]
pub fn prints(one: char) -> bool {
    !one.is_control() && !UNSEEN.iter().any(|(first, last)| (*first..=*last).contains(&one))
}

/// Returns the text as one line in which everything prints.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    text.chars().for_each(|one| push(&mut line, one));
    line
}

/// Returns whether a text may stand in a command that people paste: one word to any shell, and no option.
#[must_use]
pub fn is_word(text: &str) -> bool {
    let fits = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '.' | '_');
    text.starts_with(|one: char| one.is_ascii_alphanumeric()) && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_print_is_spelled_out() {
        let cases = [
            ("\u{1b}]0;owned\u{7}", "\\x1b]0;owned\\x07"),
            ("a\r\nb\tc\u{7f}\0", "a\\r\\nb\\tc\\x7f\\x00"),
            ("\u{9b}2J\u{85}", "\\u{9b}2J\\u{85}"),
            ("\u{202e}\u{2066}\u{200f}\u{200b}\u{feff}\u{ad}", "\\u{202e}\\u{2066}\\u{200f}\\u{200b}\\u{feff}\\u{ad}"),
            ("\u{2028}\u{2029}\u{e0001}\u{e007f}", "\\u{2028}\\u{2029}\\u{e0001}\\u{e007f}"),
        ];
        for (text, line) in cases {
            assert_eq!(one_line(text), line);
        }
    }

    #[test]
    fn what_prints_stays() {
        for text in ["", "data-pg-0", "Zoë's \"größte\" 数据 \\ `x`", "a\u{301} 🙂 →"] {
            assert_eq!(one_line(text), text);
        }
    }

    #[test]
    fn a_word_is_nothing_else_to_a_shell() {
        for good in ["m1", "my-run", "pvc-0a.b_c"] {
            assert!(is_word(good), "{good}");
        }
        for bad in ["", "-a", "x; curl y", "$(x)", "`x`", "a b", "a\nb", "ä", "a\u{202e}b", "a/b", "~"] {
            assert!(!is_word(bad), "{bad}");
        }
    }
}
