//! Who listens to a run: JSON lines where asked for, bars on a terminal, lines elsewhere.

use std::io::IsTerminal;

use super::bars::Bars;
use super::events::JsonLines;
use super::progress::Lines;
use crate::engine::Listener;

/// The listener that fits.
pub fn listener(json_lines: bool) -> Box<dyn Listener> {
    if json_lines {
        Box::new(JsonLines::begin())
    } else if std::io::stderr().is_terminal() {
        Box::new(Bars::default())
    } else {
        Box::new(Lines::default())
    }
}
