//! Text for people that foreign text can neither colour nor break into lines, by type.
//!
//! [`Words`] are all that is printed. They are made of our own literals by [`words!`], and whatever is put into them becomes part of
//! one line in which everything prints, unless it is [`Words`] itself.

use std::borrow::Cow;
use std::fmt::{Arguments, Display};
use std::ops::AddAssign;

use console::Style;

use crate::escape;

/// Text that may be printed as it is. There is no [`Display`] of it: in a plain text it would be taken for a foreign one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(String);

/// Makes [`Words`] as `format!` does, but names no variables within the literal.
macro_rules! words {
    ($format:literal $(, $part:expr)* $(,)?) => {
        // A literal that another macro made cannot name variables: all that is put in passes by `rendered`.
        $crate::words::escaped::Words::of(format_args!(concat!($format) $(, $crate::words::escaped::Part::rendered(&$part))*))
    };
}
pub(super) use words;

/// What can be put into [`Words`].
pub(super) trait Part {
    /// As it is printed.
    fn rendered(&self) -> Cow<'_, str>;
}

impl<T: Display + ?Sized> Part for T {
    fn rendered(&self) -> Cow<'_, str> {
        Cow::Owned(escape::one_line(&self.to_string()))
    }
}

impl Part for Words {
    fn rendered(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
}

impl Part for &Words {
    fn rendered(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
}

/// What can be printed, as a result or on the side.
pub trait Printable {
    /// As a result: a plain text is a document, which only a terminal is kept from obeying.
    fn as_result(&self, on_terminal: bool) -> Words;
    /// As something said: a plain text is foreign from its second line on.
    fn as_talk(&self) -> Words;
}

impl Printable for Words {
    fn as_result(&self, _: bool) -> Words {
        self.clone()
    }

    fn as_talk(&self) -> Words {
        Self(self.0.trim_end().to_owned())
    }
}

impl<T: AsRef<str> + ?Sized> Printable for T {
    fn as_result(&self, on_terminal: bool) -> Words {
        Words::document(self.as_ref(), on_terminal)
    }

    fn as_talk(&self) -> Words {
        Words::paragraph(self.as_ref())
    }
}

impl Words {
    /// For [`words!`], which sees to it that nothing foreign is in the arguments.
    pub(super) fn of(arguments: Arguments<'_>) -> Self {
        Self(arguments.to_string())
    }

    /// One thing alone.
    pub(super) fn only(part: &dyn Part) -> Self {
        Self(part.rendered().into_owned())
    }

    /// Something foreign that may have several lines: those after the first are indented, so that none can pass for one of ours.
    pub(super) fn paragraph(text: &str) -> Self {
        Self(text.trim_end().split('\n').map(escape::one_line).collect::<Vec<_>>().join("\n  "))
    }

    /// What a serialiser wrote: to the letter where a program reads it, with everything printing where a terminal does.
    pub(super) fn document(text: &str, on_terminal: bool) -> Self {
        if !on_terminal {
            return Self(text.to_owned());
        }
        let mut shown = String::with_capacity(text.len());
        for one in text.chars() {
            if one == '\n' { shown.push(one) } else { escape::push(&mut shown, one) }
        }
        Self(shown)
    }

    /// All of them, with something of ours in between.
    pub(super) fn joined(all: impl IntoIterator<Item = Self>, between: &'static str) -> Self {
        Self(all.into_iter().map(|one| one.0).collect::<Vec<_>>().join(between))
    }

    /// Lines of columns, three spaces apart, as kubectl prints them.
    pub(super) fn table(rows: &[Vec<Self>]) -> Self {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(Self::width).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(widest).collect();
        let mut text = String::new();
        for row in rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{}{}", cell.0, " ".repeat(width - cell.width())));
            text += cells.collect::<Vec<_>>().join("   ").trim_end();
            text.push('\n');
        }
        Self(text)
    }

    /// How many columns of a terminal it takes.
    fn width(&self) -> usize {
        console::measure_text_width(&self.0)
    }

    /// The same in a style.
    pub(super) fn styled(&self, style: &Style) -> Self {
        Self(style.apply_to(&self.0).to_string())
    }

    /// Whether nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AddAssign for Words {
    fn add_assign(&mut self, more: Self) {
        self.0 += &more.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_one_another() {
        let row = |cells: &[&str]| cells.iter().map(|cell| words!("{}", cell)).collect::<Vec<_>>();
        let text = Words::table(&[row(&["NAME", "SIZE"]), row(&["data-pg-0", "1Gi"]), row(&["x", "12Gi"])]);
        assert_eq!(text.as_str(), "NAME        SIZE\ndata-pg-0   1Gi\nx           12Gi\n");
        let odd = Words::table(&[row(&["数据", "1Gi"]), row(&["a\u{1b}\n", "2Gi"]), row(&["a\u{301}", "3Gi"])]);
        assert_eq!(odd.as_str(), "数据      1Gi\na\\x1b\\n   2Gi\na\u{301}         3Gi\n");
        let bold = words!("x").styled(&Style::new().bold().force_styling(true));
        assert_eq!(Words::table(&[vec![bold, words!("y")], row(&["zz", "y"])]).as_str(), "\u{1b}[1mx\u{1b}[0m    y\nzz   y\n");
    }

    #[test]
    fn only_words_keep_their_lines_and_colours_within_words() {
        let ours = words!("x\n").styled(&Style::new().bold().force_styling(true));
        assert_eq!(words!("<{}>", ours).as_str(), "<\u{1b}[1mx\n\u{1b}[0m>");
        assert_eq!(words!("<{}>", ours.as_str()).as_str(), "<\\x1b[1mx\\n\\x1b[0m>");
        assert_eq!(words!("{:>3}|{}", 7, String::from("\u{202e}")).as_str(), "  7|\\u{202e}");
    }

    #[test]
    fn lines_after_the_first_of_something_said_are_indented() {
        assert_eq!("a\nerror: b\r\n\u{1b}c\n".as_talk().as_str(), "a\n  error: b\\r\n  \\x1bc");
    }

    #[test]
    fn a_document_is_changed_for_a_terminal_alone() {
        let text = "{\n \"a\": \"\u{9b}\u{202e}\"\n}\n";
        assert_eq!(text.as_result(false).as_str(), text);
        assert_eq!(text.as_result(true).as_str(), "{\n \"a\": \"\\u{9b}\\u{202e}\"\n}\n");
    }
}
